#![no_main]

#[path = "../src/sse.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::sse(data));
