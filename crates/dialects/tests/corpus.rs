//! Replays the fuzzers' corpora: what once broke stays mended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

extern crate bulkhead_dialects;
extern crate domain as bulkhead_domain;

#[path = "../../../fuzz/src/dialects.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        run(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn envelope() {
    replay("envelope", targets::envelope);
}

#[test]
fn openai_chat() {
    replay("openai_chat", targets::openai_chat);
}

#[test]
fn anthropic_messages() {
    replay("anthropic_messages", targets::anthropic_messages);
}
