//! Stage 3: the body, bounded, and one scan of its top level. It is read after the caller is known, so that
//! a stranger's body costs no memory.

use std::borrow::Cow;
use std::time::Duration;

use dialects::{Envelope, EnvelopeError, Field};
use domain::Dialect;
use hyper::body::Incoming;
use serde_json::Value;

use super::receive::{Received, cut, text};
use crate::names;
use crate::receive_body::{self, Held, Limits};
use crate::refusal::Refusal;
use crate::worker::Core;

/// Longest end-user id and tag that is kept.
const NAME_BYTES_MAX: usize = 256;
/// What a message costs beside its text: role and delimiters (OpenAI's cookbook counts 3 to 4).
const TOKENS_PER_MESSAGE: u64 = 4;
/// A middling image: OpenAI and Anthropic charge about 85 to 1,600 tokens by size.
const TOKENS_PER_ATTACHMENT: u64 = 800;
/// Most tags of a body that are kept.
const TAGS_MAX: usize = 32;
/// Clients may not choose where their requests go or whose key pays for them.
const BANNED: [(Field, &str); 5] = [
    (Field::ApiKey, "api_key"),
    (Field::ApiBase, "api_base"),
    (Field::BaseUrl, "base_url"),
    (Field::UserConfig, "user_config"),
    (Field::ModelList, "model_list"),
];

/// A request whose body is understood as far as the gateway needs.
pub struct Ask {
    pub dialect: Dialect,
    pub envelope: Envelope,
    /// What the client asked for: from the path, else from the body.
    pub model: String,
    pub customer: Option<Box<str>>,
    pub tags: Vec<Box<str>>,
    /// The body's share of the memory bound, given back at the end.
    pub held: Held,
}

pub async fn read(core: &Core, received: &Received, body: Incoming) -> Result<Ask, Refusal> {
    let mut held = Held::none(core.bodies.clone());
    let limits =
        Limits { bytes_max: core.settings.request_body_bytes_max, time_max: core.settings.body_time_max };
    let bytes = receive_body::read(body, limits, &mut held).await?;
    let envelope = dialects::envelope::scan(&bytes).map_err(refusal)?;
    if let Some((_, name)) = BANNED.iter().find(|(field, _)| envelope.has(*field)) {
        return Err(Refusal::BannedParam((*name).to_owned()));
    }
    let model = received
        .path_model
        .as_deref()
        .map(Cow::Borrowed)
        .or_else(|| envelope.model())
        .filter(|model| !model.is_empty())
        .map(Cow::into_owned)
        // The compatible surface has no words of its own for a missing model.
        .ok_or_else(|| Refusal::InvalidModel { label: received.label, model: "None".to_owned() })?;
    require_input(received, &envelope)?;
    let customer = customer(received, &envelope);
    let tags = tags(received, &envelope);
    Ok(Ask { dialect: received.dialect, envelope, model, customer, tags, held })
}

fn require_input(received: &Received, envelope: &Envelope) -> Result<(), Refusal> {
    let (field, param) = match received.dialect {
        Dialect::OpenAiChat | Dialect::AnthropicMessages => (Field::Messages, "messages"),
        Dialect::OpenAiCompletions => (Field::Prompt, "prompt"),
        Dialect::OpenAiEmbeddings => (Field::Input, "input"),
    };
    if !envelope.has(field) {
        return Err(Refusal::MissingParam { label: received.label, param });
    }
    if field == Field::Messages && !envelope.raw(field).is_some_and(|raw| raw.starts_with('[')) {
        let message = format!("{}: `messages` must be a list of messages", received.label);
        return Err(Refusal::InvalidParam { param: Some(param.to_owned()), message });
    }
    Ok(())
}

pub fn refusal(error: EnvelopeError) -> Refusal {
    match &error {
        EnvelopeError::NotAnObject => Refusal::NotAnObject,
        EnvelopeError::NotJson(reason) => Refusal::InvalidJson(reason.clone()),
        EnvelopeError::Empty | EnvelopeError::NotUtf8 { .. } => Refusal::InvalidJson(error.to_string()),
        _ => Refusal::InvalidParam {
            param: error.field().map(ToOwned::to_owned),
            message: format!("Invalid request: {error}"),
        },
    }
}

/// The end user, by the order of the compatible surface: headers, `user`, then metadata.
fn customer(received: &Received, envelope: &Envelope) -> Option<Box<str>> {
    let header = names::CUSTOMER.iter().find_map(|name| text(&received.headers, name)).map(Cow::Borrowed);
    header
        .or_else(|| envelope.text(Field::User))
        .or_else(|| in_metadata(envelope, Field::LitellmMetadata, "user"))
        .or_else(|| in_metadata(envelope, Field::Metadata, "user_id"))
        .filter(|customer| !customer.is_empty())
        .map(|customer| cut(&customer, NAME_BYTES_MAX).into())
}

fn in_metadata(envelope: &Envelope, field: Field, member: &str) -> Option<Cow<'static, str>> {
    match envelope.value(field)?.get_mut(member)?.take() {
        Value::String(text) => Some(Cow::Owned(text)),
        _ => None,
    }
}

fn tags(received: &Received, envelope: &Envelope) -> Vec<Box<str>> {
    let mut tags: Vec<Box<str>> = received.tags().collect();
    let lists = [
        envelope.value(Field::Tags),
        envelope.value(Field::Metadata).and_then(|mut metadata| Some(metadata.get_mut("tags")?.take())),
        envelope
            .value(Field::LitellmMetadata)
            .and_then(|mut metadata| Some(metadata.get_mut("tags")?.take())),
    ];
    for list in lists.into_iter().flatten() {
        let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        tags.extend(texts.map(|tag| cut(tag, NAME_BYTES_MAX).into()));
    }
    tags.sort_unstable();
    tags.dedup();
    tags.truncate(TAGS_MAX);
    tags
}

impl Ask {
    /// A whole number in the body.
    pub fn number(&self, field: Field) -> Option<u32> {
        self.envelope.raw(field)?.parse().ok()
    }

    /// A number of seconds in the body.
    pub fn seconds(&self, field: Field) -> Option<Duration> {
        let seconds = self.envelope.number(field)?;
        Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
    }

    /// Parameters to leave out: the deployment's and the request's.
    pub fn additional_drop_params(&self, deployment: &[String]) -> Vec<String> {
        let own = self.envelope.value(Field::AdditionalDropParams);
        let own = own.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        deployment.iter().cloned().chain(own.map(ToOwned::to_owned)).collect()
    }

    /// Our count of the prompt: its text, a little for each message, a lot for each image or document.
    pub fn input_tokens(&self) -> u64 {
        let size = dialects::count::input(self.dialect, &self.envelope);
        pricing::estimate::tokens(size.chars)
            .saturating_add(size.messages.saturating_mul(TOKENS_PER_MESSAGE))
            .saturating_add(size.attachments.saturating_mul(TOKENS_PER_ATTACHMENT))
    }
}
