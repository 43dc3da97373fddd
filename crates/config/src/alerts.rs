//! Where alerts go.

use kit::Secret;

use crate::environment::Environment;
use crate::fields::Fields;
use crate::node::Node;
use crate::problems::{At, Problems};

/// The kind of alerts that there are.
const BUDGETS: &str = "budget_alerts";
const SLACK_URLS: [&str; 2] = ["SLACK_WEBHOOK_URL", "ALERTING_WEBHOOK_URL"];
const WEBHOOK_URL: &str = "WEBHOOK_URL";
/// So many places get each alert at most.
const CHANNELS_MAX: usize = 8;

/// How an alert is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertFormat {
    /// For people: `{"text": …}`.
    Slack,
    /// For programs: every figure in a field.
    Webhook,
}

impl AlertFormat {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }
}

/// One place that gets alerts. Its address is a secret: whoever knows it can write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChannel {
    pub format: AlertFormat,
    pub url: Secret,
}

/// `alerting`, `alert_types` and `alert_to_webhook_url`, with what the environment says.
pub(crate) fn read(
    general: &Fields<'_>,
    env: &Environment<'_>,
    problems: &mut Problems,
) -> Vec<AlertChannel> {
    let types = general.texts("alert_types");
    if !types.is_empty() && !types.iter().any(|kind| kind == BUDGETS) {
        return Vec::new();
    }
    let mut channels = Vec::new();
    for name in general.texts("alerting") {
        let (format, urls) = match name.as_str() {
            "slack" => (AlertFormat::Slack, slack(general, env)),
            "webhook" => (AlertFormat::Webhook, env.get(WEBHOOK_URL).into_iter().collect()),
            _ => {
                warn(general, problems, format!("`{name}` is not supported yet: nothing is sent there"));
                continue;
            }
        };
        if urls.is_empty() {
            let variable = if format == AlertFormat::Slack { SLACK_URLS[0] } else { WEBHOOK_URL };
            warn(general, problems, format!("`{variable}` is not set: nothing is sent to `{name}`"));
        }
        channels.extend(urls.into_iter().map(|url| AlertChannel { format, url: Secret::new(url) }));
    }
    channels.truncate(CHANNELS_MAX);
    channels
}

/// The addresses for alerts of budgets, else the one for all.
fn slack(general: &Fields<'_>, env: &Environment<'_>) -> Vec<String> {
    let own = general.get("alert_to_webhook_url").and_then(|map| map.get(BUDGETS));
    let one = own.and_then(Node::text).map(|url| vec![url.to_owned()]);
    let own = one.or_else(|| own.and_then(Node::texts)).unwrap_or_default();
    if own.is_empty() { env.first(&SLACK_URLS).into_iter().collect() } else { own }
}

fn warn(general: &Fields<'_>, problems: &mut Problems, message: String) {
    let Some(node) = general.get("alerting") else { return };
    let path = general.path_of("alerting");
    problems.warn(At { place: node.place, path: &path }, message, None);
}
