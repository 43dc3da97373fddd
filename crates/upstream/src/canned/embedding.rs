use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};
use kit::{Rng, SeededRng};
use serde_json::{Value, json};

use super::{demo, json_response, prompt};
use crate::Body;

const DIMENSIONS_DEFAULT: usize = 64;
const DIMENSIONS_MIN: usize = 16;
const DIMENSIONS_MAX: usize = 256;

/// A vector of length 1 for each input, the same for the same text, without meaning.
pub(super) fn respond(request: &Value) -> Response<Body> {
    let dimensions = request["dimensions"].as_u64().and_then(|wanted| usize::try_from(wanted).ok());
    let dimensions = dimensions.unwrap_or(DIMENSIONS_DEFAULT).clamp(DIMENSIONS_MIN, DIMENSIONS_MAX);
    let base64 = request["encoding_format"] == "base64";
    let texts = inputs(&request["input"]);
    let data = texts.iter().enumerate().map(|(index, text)| {
        let vector = vector(text, dimensions);
        json!({"object": "embedding", "index": index, "embedding": encode(&vector, base64)})
    });
    let data = data.collect::<Vec<_>>();
    let tokens = demo::tokens(texts.iter().map(|text| text.chars().count() as u64).sum());
    let answer = json!({
        "object": "list",
        "model": request["model"],
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "demo": true,
    });
    json_response(StatusCode::OK, &answer)
}

/// A string, a list of strings, a list of tokens (one input) or a list of lists of tokens.
fn inputs(input: &Value) -> Vec<String> {
    let text = |value: &Value| {
        let mut text = String::new();
        prompt::append_text(value, &mut text);
        text
    };
    match input {
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => {
            items.iter().map(text).collect()
        }
        one => vec![text(one)],
    }
}

#[allow(clippy::cast_precision_loss)] // the vector means nothing; 24 bits of chance are plenty
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut rng = SeededRng::new(fnv1a(text));
    let mut vector = (0..dimensions).map(|_| rng.below(1 << 24) as f32 - 8_388_607.5).collect::<Vec<_>>();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn encode(vector: &[f32], base64: bool) -> Value {
    if base64 {
        let bytes = vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
        STANDARD.encode(bytes).into()
    } else {
        vector.to_vec().into()
    }
}
