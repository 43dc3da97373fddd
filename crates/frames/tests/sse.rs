#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_frames::{FrameError, SseEvent, SseParser};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

const MAX_BYTES: usize = 64;

fn drain(parser: &mut SseParser, seen: &mut Vec<Result<SseEvent, FrameError>>) {
    while let Some(event) = parser.next() {
        seen.push(event);
    }
}

fn frames(chunks: &[&[u8]], max_bytes: usize) -> Vec<Result<SseEvent, FrameError>> {
    let mut parser = SseParser::new(max_bytes);
    let mut seen = Vec::new();
    for chunk in chunks {
        parser.push(Bytes::copy_from_slice(chunk));
        drain(&mut parser, &mut seen);
    }
    seen.extend(parser.finish().map(Ok));
    seen
}

fn events(doc: &str) -> Vec<(Option<String>, String)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    frames(&[doc.as_bytes()], 1 << 20)
        .into_iter()
        .map(|event| event.unwrap())
        .map(|event| (event.name.as_ref().map(text), text(&event.data)))
        .collect()
}

fn data(doc: &str) -> Vec<String> {
    events(doc).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn every_line_ending_ends_lines() {
    for end in ["\n", "\r\n", "\r"] {
        let doc = format!("event: tick{end}data: a{end}data: b{end}{end}data:c{end}{end}");
        assert_eq!(events(&doc), [(Some("tick".into()), "a\nb".into()), (None, "c".into())], "{end:?}");
    }
}

#[test]
fn one_space_after_the_colon_is_not_data() {
    assert_eq!(data("data:  two\n\ndata:\n\ndata\n\n"), [" two", "", ""]);
}

#[test]
fn comments_and_unknown_fields_are_passed_over() {
    assert_eq!(data(": ping\n\nid: 4\nretry: 10\ndatas: no\n\ndata: yes\n\n"), ["yes"]);
}

#[test]
fn comments_are_counted_as_heartbeats() {
    let mut parser = SseParser::new(MAX_BYTES);
    parser.push(Bytes::from_static(b": PROCESSING\n\n: PROCESSING\n\n"));
    assert_eq!(parser.next(), None);
    assert_eq!((parser.take_heartbeats(), parser.take_heartbeats()), (2, 0));
}

#[test]
fn a_byte_order_mark_may_come_first() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\ndata: a\n\n"), ["a"]);
    assert!(data("data: a\n\n\u{feff}data: b\n\n").contains(&"a".into()));
}

#[test]
fn a_last_event_without_its_blank_line_is_handed_out() {
    assert_eq!(data("data: a\n\ndata: [DONE]"), ["a", "[DONE]"]);
    assert_eq!(data("data: a\n\ndata: [DONE]\n"), ["a", "[DONE]"]);
    assert_eq!(data("data: a\r\rdata: [DONE]\r"), ["a", "[DONE]"]);
    assert_eq!(data("data: a\n\n: bye"), ["a"]);
}

#[test]
fn raw_bytes_are_exact() {
    let all = frames(&[b"event: e\r\ndata: a\r\n\r\ndata: b\n\n"], MAX_BYTES);
    let raw = all.into_iter().map(|event| event.unwrap().raw).collect::<Vec<_>>();
    assert_eq!(raw, ["event: e\r\ndata: a\r\n\r\n", "data: b\n\n"]);
}

#[test]
fn an_event_within_one_chunk_is_not_copied() {
    let chunk = Bytes::from(b"data: {\"a\":1}\n\ndata: 2\n\nda".to_vec());
    let within = chunk.as_ptr_range();
    let mut parser = SseParser::new(MAX_BYTES);
    parser.push(chunk.clone());
    let mut seen = Vec::new();
    drain(&mut parser, &mut seen);
    for event in seen.iter().map(|event| event.as_ref().unwrap()) {
        assert!(within.contains(&event.data.as_ptr()) && within.contains(&event.raw.as_ptr()));
    }
    assert_eq!(seen.len(), 2);
    // After the straddling event the next chunk is sliced again.
    let chunk = Bytes::from(b"ta: 3\n\ndata: 4\n\n".to_vec());
    let within = chunk.as_ptr_range();
    parser.push(chunk.clone());
    assert_eq!(parser.next().unwrap().unwrap().data, "3");
    assert!(within.contains(&parser.next().unwrap().unwrap().data.as_ptr()));
}

#[test]
fn an_event_may_be_as_long_as_the_bound_and_no_longer() {
    let event = |len: usize| format!("data: {}\n\n", "x".repeat(len - 8));
    for max in [MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1] {
        let doc = event(MAX_BYTES);
        let whole = frames(&[doc.as_bytes()], max);
        let cut = frames(&doc.as_bytes().chunks(7).collect::<Vec<_>>(), max);
        assert_eq!(whole, cut);
        assert_eq!(whole[0].is_ok(), max >= MAX_BYTES, "{max}");
    }
}

#[test]
fn bytes_without_an_end_are_bounded() {
    let mut parser = SseParser::new(MAX_BYTES);
    for _ in 0..100 {
        parser.push(Bytes::from_static(b"data: endless "));
        let stopped = parser.next();
        assert!(parser.pending_bytes() <= MAX_BYTES);
        if stopped.is_some() {
            assert_eq!(stopped, Some(Err(FrameError::EventTooLarge { max_bytes: MAX_BYTES })));
            assert_eq!(parser.next(), None);
            return;
        }
    }
    panic!("an endless event was accepted");
}

/// Pieces that matter to the grammar, and noise.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data:".to_vec()),
        Just(b"data".to_vec()),
        Just(b"event: ping".to_vec()),
        Just(b": comment".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        vec(any::<u8>(), 0..20),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cut<'d>(doc: &'d [u8], lengths: &[usize]) -> Vec<&'d [u8]> {
    let mut rest = doc;
    let mut chunks = Vec::new();
    for len in lengths {
        let (chunk, more) = rest.split_at((*len).min(rest.len()));
        chunks.push(chunk);
        rest = more;
    }
    chunks.push(rest);
    chunks
}

proptest! {
    #[test]
    fn chunking_never_changes_frames(doc in document(), lengths in vec(0..9_usize, 0..60)) {
        prop_assert_eq!(frames(&[&doc], MAX_BYTES), frames(&cut(&doc, &lengths), MAX_BYTES));
        let single_bytes = doc.chunks(1).collect::<Vec<_>>();
        prop_assert_eq!(frames(&[&doc], MAX_BYTES), frames(&single_bytes, MAX_BYTES));
    }

    #[test]
    fn raw_bytes_come_from_the_document_in_order(doc in document()) {
        let mut rest = doc.as_slice();
        for event in frames(&[&doc], 1 << 20) {
            let raw = event.unwrap().raw;
            let at = rest.windows(raw.len()).position(|window| window == raw).expect("raw is in the document");
            rest = &rest[at + raw.len()..];
        }
    }

    #[test]
    fn agrees_with_a_plain_reading_of_the_standard(doc in "(data: ?[a-z]{0,3}|event: [a-z]{1,3}|: c|\n|\n\n){0,30}") {
        prop_assert_eq!(events(&format!("{doc}\n\n")), plain_reading(&format!("{doc}\n\n")));
    }
}

/// The standard's algorithm, line by line, for documents with line feeds only.
fn plain_reading(doc: &str) -> Vec<(Option<String>, String)> {
    let (mut name, mut lines, mut seen) = (None, Vec::new(), Vec::new());
    for line in doc.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            _ if line.is_empty() => {
                if !lines.is_empty() {
                    seen.push((name.clone(), lines.join("\n")));
                }
                (name, lines) = (None, Vec::new());
            }
            "data" => lines.push(value.to_owned()),
            "event" => name = Some(value.to_owned()),
            _ => {}
        }
    }
    seen
}
