//! What `up` prints: what to open, and a first request that works as pasted.

use std::path::Path;

use kit::Secret;

pub struct Banner<'a> {
    pub url: &'a str,
    pub master_key: &'a Secret,
    /// Set when the key is kept in a file; the flag says whether it was made just now.
    pub key_file: Option<(&'a Path, bool)>,
    /// The model that the example asks.
    pub model: &'a str,
}

impl Banner<'_> {
    pub fn render(&self) -> String {
        let (key, shown) = match self.key_file {
            Some((file, true)) => (
                self.master_key.reveal().to_owned(),
                format!(
                    "{}\n              kept in {}; shown only this once",
                    self.master_key.reveal(),
                    file.display()
                ),
            ),
            Some((file, false)) => (format!("$(cat '{}')", file.display()), format!("in {}", file.display())),
            None => ("$LITELLM_MASTER_KEY".to_owned(), "as configured".to_owned()),
        };
        format!(
            "\nBulkhead {version}\n\n  dashboard   {url}/ui/   (user admin, password: the master key)\n  master key  {shown}\n\n  a first request:\n\n    curl {url}/v1/chat/completions \\\n      -H \"Authorization: Bearer {key}\" \\\n      -H \"Content-Type: application/json\" \\\n      -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'\n",
            version = env!("CARGO_PKG_VERSION"),
            url = self.url,
            model = self.model,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_shown_and_a_kept_one_is_not() {
        let key = Secret::new("sk-very-secret");
        let mut banner = Banner {
            url: "http://127.0.0.1:4000",
            master_key: &key,
            key_file: Some((Path::new("/data/master-key"), true)),
            model: "demo",
        };
        assert_eq!(banner.render().matches("sk-very-secret").count(), 2);
        banner.key_file = Some((Path::new("/data/master-key"), false));
        let later = banner.render();
        assert!(!later.contains("sk-very-secret") && later.contains("$(cat '/data/master-key')"), "{later}");
    }
}
