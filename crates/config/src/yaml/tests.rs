use super::*;
use serde_json::json;

fn read(text: &str) -> Result<Option<Node>, YamlError> {
    parse(text, 0, &mut Budget::new(), &mut Vec::new())
}

fn value(text: &str) -> serde_json::Value {
    read(text).unwrap().unwrap().to_json()
}

#[test]
fn values_carry_their_place() {
    let root = read("a:\n  - b: 12\n").unwrap().unwrap();
    let twelve = root.get("a").unwrap().items().unwrap()[0].get("b").unwrap();
    assert_eq!(twelve.place, Place { file: 0, line: 2, column: 8, width: 2 });
}

#[test]
fn merge_keys_give_way_to_written_ones() {
    let text = "base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nlist:\n  <<: [*b, {z: 9, x: 8}]\n";
    assert_eq!(value(text)["mine"], json!({"x": 1, "y": 3}));
    assert_eq!(value(text)["list"], json!({"x": 1, "y": 2, "z": 9}));
}

#[test]
fn the_last_of_two_equal_keys_counts_and_is_noted() {
    let mut duplicates = Vec::new();
    let root = parse("a: 1\na: 2\n", 0, &mut Budget::new(), &mut duplicates).unwrap().unwrap();
    assert_eq!(root.to_json(), json!({"a": 2}));
    assert_eq!(duplicates.len(), 1);
}

#[test]
fn a_billion_laughs_end_at_the_bound() {
    let mut bomb = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
    }
    assert!(read(&bomb).unwrap_err().message.contains("the limit"));
}

#[test]
fn long_text_many_times_ends_at_the_bound() {
    let bomb = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 40].join(", "));
    assert!(read(&bomb).unwrap_err().message.contains("the limit"));
}

#[test]
fn deep_nesting_is_refused() {
    assert!(read(&"[".repeat(10_000)).is_err());
    assert!(read(&format!("{}x", "- ".repeat(10_000))).is_err());
}

#[test]
fn nothing_is_nothing() {
    assert!(read("").unwrap().is_none());
    assert!(read("# only a comment\n").unwrap().is_none());
}

#[test]
fn a_second_document_is_refused() {
    assert_eq!(value("---\na: 1\n...\n"), json!({"a": 1}));
    let error = read("a: 1\n---\nb: 2\n").unwrap_err();
    assert_eq!((error.place.line, error.message.contains("second document")), (2, true));
}

#[test]
fn marks_and_line_ends_of_windows_are_read() {
    assert_eq!(value("\u{feff}a: 1\r\nb:\r\n- x\r\n"), json!({"a": 1, "b": ["x"]}));
}
