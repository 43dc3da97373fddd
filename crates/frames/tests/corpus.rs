//! Replays the fuzzer's corpus: what once broke stays mended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../fuzz/src/sse.rs"]
mod targets;

use std::path::Path;

#[test]
fn sse() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sse");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        targets::sse(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0);
}
