//! The dashboard is carried in the binary, so a new export makes a new binary.

fn main() {
    println!("cargo:rerun-if-changed=../../ui/out");
}
