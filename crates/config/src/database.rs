//! The database's URL, given whole or in parts.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::environment::Environment;
use crate::problems::Problems;

const PORT_DEFAULT: &str = "5432";
const REPLICA: &str = "_READ_REPLICA";

/// `DATABASE_URL`, else one made of `DATABASE_HOST`, `DATABASE_USER`, ….
pub fn writer(env: &Environment<'_>, problems: &mut Problems) -> Option<String> {
    env.get("DATABASE_URL").or_else(|| assembled(env, "", problems))
}

/// `DATABASE_URL_READ_REPLICA`, else one made of `DATABASE_HOST_READ_REPLICA` and, where no part of the
/// replica's own is set, the writer's parts.
pub fn read_replica(env: &Environment<'_>, problems: &mut Problems) -> Option<String> {
    env.get("DATABASE_URL_READ_REPLICA").or_else(|| assembled(env, REPLICA, problems))
}

fn assembled(env: &Environment<'_>, suffix: &str, problems: &mut Problems) -> Option<String> {
    let own = |name: &str| env.get(&format!("{name}{suffix}"));
    let part = |name: &str| own(name).or_else(|| env.get(name));
    let host = own("DATABASE_HOST")?;
    let user = part("DATABASE_USER").or_else(|| part("DATABASE_USERNAME"));
    let name = part("DATABASE_NAME");
    let (Some(user), Some(name)) = (user, name) else {
        let message = "needs DATABASE_USER and DATABASE_NAME (or DATABASE_URL instead of all three)";
        problems.env_error(&format!("DATABASE_HOST{suffix}"), message);
        return None;
    };
    let password =
        part("DATABASE_PASSWORD").map(|password| format!(":{}", encoded(&password))).unwrap_or_default();
    let port = part("DATABASE_PORT").unwrap_or_else(|| PORT_DEFAULT.into());
    if port.parse::<u16>().is_err() {
        problems.env_error(&format!("DATABASE_PORT{suffix}"), "expected a port number");
        return None;
    }
    let mut url =
        format!("postgresql://{}{password}@{}:{port}/{}", encoded(&user), bracketed(&host), encoded(&name));
    for (index, (key, value)) in parameters(env, part("DATABASE_SCHEMA")).into_iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&format!("{key}={}", encoded(&value)));
    }
    Some(url)
}

fn parameters(env: &Environment<'_>, schema: Option<String>) -> Vec<(&'static str, String)> {
    let root_cert = env.get("DATABASE_SSLROOTCERT");
    // A root certificate without a mode is there to be verified against.
    let mode = env.get("DATABASE_SSLMODE").or_else(|| root_cert.as_ref().map(|_| "verify-full".into()));
    let search_path = schema.map(|schema| format!("-c search_path={schema}"));
    let all = [("sslmode", mode), ("sslrootcert", root_cert), ("options", search_path)];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// An IPv6 address stands in brackets; anything else is left alone.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(
        read: fn(&Environment<'_>, &mut Problems) -> Option<String>,
        variables: &[(&str, &str)],
    ) -> Option<String> {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(&Environment::new(&find), &mut Problems::default())
    }

    const PARTS: [(&str, &str); 5] = [
        ("DATABASE_HOST", "db"),
        ("DATABASE_USERNAME", "me"),
        ("DATABASE_PASSWORD", "p@ss/w:rd"),
        ("DATABASE_NAME", "llm"),
        ("DATABASE_SCHEMA", "gate"),
    ];

    #[test]
    fn parts_make_a_url_with_everything_encoded() {
        let expected = "postgresql://me:p%40ss%2Fw%3Ard@db:5432/llm?options=%2Dc%20search%5Fpath%3Dgate";
        assert_eq!(url_of(writer, &PARTS).as_deref(), Some(expected));
    }

    #[test]
    fn a_whole_url_wins_over_parts() {
        let mut variables = PARTS.to_vec();
        variables.push(("DATABASE_URL", "postgres://whole"));
        assert_eq!(url_of(writer, &variables).as_deref(), Some("postgres://whole"));
    }

    #[test]
    fn a_replica_is_opted_into_by_its_host_and_takes_the_rest_from_the_writer() {
        assert_eq!(url_of(read_replica, &PARTS), None);
        let mut variables = PARTS.to_vec();
        variables.extend([("DATABASE_HOST_READ_REPLICA", "::1"), ("DATABASE_SSLROOTCERT", "/ca.pem")]);
        let url = url_of(read_replica, &variables).unwrap();
        assert!(
            url.starts_with(
                "postgresql://me:p%40ss%2Fw%3Ard@[::1]:5432/llm?sslmode=verify%2Dfull&sslrootcert="
            ),
            "{url}"
        );
    }

    #[test]
    fn a_host_without_user_is_an_error() {
        assert_eq!(url_of(writer, &[("DATABASE_HOST", "db")]), None);
    }
}
