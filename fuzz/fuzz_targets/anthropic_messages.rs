#![no_main]

#[path = "../src/dialects.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::anthropic_messages(data));
