//! Secrets may sit anywhere in what users attach to a key: credentials of callbacks, headers, passwords.

use serde_json::Value;

/// What stands in place of a secret.
const MARK: &str = "***";
/// A field whose name contains one of these holds a secret; `token` counts where it ends the name, since
/// limits are named after tokens too.
const SECRET: [&str; 10] = [
    "secret",
    "password",
    "api_key",
    "apikey",
    "authorization",
    "credential",
    "private_key",
    "access_key",
    "cookie",
    "passphrase",
];

/// Puts a mark in place of every secret, however deep.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if is_secret(name) { mask(value) } else { redact(value) }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        Value::String(text) if text.starts_with("sk-") && !text.starts_with("sk-...") => {
            *value = MARK.into();
        }
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET.iter().any(|part| name.contains(part)) || name.ends_with("_token") || name == "authtoken"
}

fn mask(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Object(map) => map.values_mut().for_each(mask),
        Value::Array(list) => list.iter_mut().for_each(mask),
        _ => *value = MARK.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_are() {
        let mut value = json!({
            "token": "the hash", "name": "sk-...abcd", "tpm_limit": 5, "default_estimated_output_tokens": 7,
            "metadata": {
                "logging": [{"callback_vars": {"langfuse_secret_key": "s", "langfuse_host": "h"}}],
                "X-Api-Key": "s", "Authorization": "Bearer s", "refresh_token": "s", "password": null,
                "note": "sk-0123456789abcdef", "credentials": {"user": "s", "ports": [1]}
            }
        });
        redact(&mut value);
        let expected = json!({
            "token": "the hash", "name": "sk-...abcd", "tpm_limit": 5, "default_estimated_output_tokens": 7,
            "metadata": {
                "logging": [{"callback_vars": {"langfuse_secret_key": "***", "langfuse_host": "h"}}],
                "X-Api-Key": "***", "Authorization": "***", "refresh_token": "***", "password": null,
                "note": "***", "credentials": {"user": "***", "ports": ["***"]}
            }
        });
        assert_eq!(value, expected);
    }
}
