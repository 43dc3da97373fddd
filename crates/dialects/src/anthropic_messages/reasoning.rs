//! `thinking` and `output_config.effort`.

use serde_json::value::RawValue;

use super::models::Abilities;
use crate::error::DialectError;
use crate::hub::{Reasoning, Request, Thinking};
use crate::params::Params;
use crate::read::{Notes, Object, Path};

/// Least budget that `thinking` takes, in tokens (Messages API reference, `thinking.budget_tokens`).
const BUDGET_TOKENS_MIN: u64 = 1024;

/// Reads a `thinking` object.
pub(crate) fn read<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Reasoning<'a>, DialectError> {
    let mut object = Object::of(raw, path)?;
    let thinking = match object.required_text("type")?.as_ref() {
        "disabled" => Thinking::Off,
        "adaptive" => Thinking::Adaptive,
        "enabled" => match object.whole("budget_tokens")? {
            Some(budget) => Thinking::Budget(budget),
            None => Thinking::Adaptive,
        },
        other => {
            let message = format!("`{path}.type` is `{other}`; expected enabled, adaptive or disabled");
            return Err(DialectError::invalid(path.key("type"), message));
        }
    };
    Ok(Reasoning { thinking, effort: None, display: object.text("display")? })
}

/// What is sent: how to think, and the word for the effort.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    thinking: Option<Thinking>,
    display: Option<&'a str>,
    pub(super) effort: Option<&'static str>,
}

impl Plan<'_> {
    /// Does the model think for sure? Then no tool can be forced upon it.
    pub(super) const fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Adaptive | Thinking::Budget(_)))
    }

    /// Tokens of `max_tokens` that thinking may take.
    pub(super) const fn budget(&self) -> u64 {
        match self.thinking {
            Some(Thinking::Budget(tokens)) => tokens,
            _ => 0,
        }
    }

    pub(super) fn write(&self, params: &mut Params<'_, '_>, notes: &mut Notes) {
        let Some(thinking) = self.thinking else { return };
        let Some(out) = params.key("thinking", notes) else { return };
        let mut object = crate::write::Object::open(out);
        match thinking {
            Thinking::Off | Thinking::Unsaid => object.put("type", "disabled"),
            Thinking::Adaptive => object.put("type", "adaptive"),
            Thinking::Budget(tokens) => {
                object.put("type", "enabled");
                object.put("budget_tokens", &tokens);
            }
        }
        object.put_some("display", &self.display);
        object.close();
    }
}

/// Decides how to say the client's wish to a model with these abilities. A client that says only an
/// effort, as OpenAI's do, wants to see the thoughts: models that think adaptively hide them otherwise.
pub(super) fn plan<'r>(
    request: &'r Request<'_>,
    abilities: Abilities,
    notes: &mut Notes,
) -> Result<Plan<'r>, DialectError> {
    let Some(reasoning) = &request.reasoning else { return Ok(Plan::default()) };
    let effort = reasoning.effort.as_deref();
    if effort == Some("none") && reasoning.thinking == Thinking::Unsaid {
        return Ok(Plan::default());
    }
    if !abilities.thinks {
        if reasoning.thinking != Thinking::Off {
            notes.refuse(if effort.is_some() { "reasoning_effort" } else { "thinking" });
        }
        return Ok(Plan::default());
    }
    let mut plan = Plan { display: reasoning.display.as_deref(), ..Plan::default() };
    plan.effort = effort.map(|effort| level(effort, abilities)).transpose()?.flatten();
    plan.thinking = match reasoning.thinking {
        Thinking::Unsaid if abilities.adaptive => {
            plan.display = Some("summarized");
            Some(Thinking::Adaptive)
        }
        Thinking::Unsaid | Thinking::Adaptive if !abilities.adaptive => {
            bounded(budget_of(effort), request.max_tokens, notes)
        }
        Thinking::Budget(_) if !abilities.budget => {
            notes.drop("thinking.budget_tokens (this model sets its own)");
            Some(Thinking::Adaptive)
        }
        said => Some(said),
    };
    Ok(plan)
}

/// The budget for an effort, as on the compatible surface.
fn budget_of(effort: Option<&str>) -> u64 {
    match effort {
        Some("minimal" | "low") => 1024,
        Some("medium") => 2048,
        Some("xhigh") => 8192,
        Some("max") => 16_384,
        _ => 4096,
    }
}

/// A budget must stay below `max_tokens`; where there is no room for the least one, there is no thinking.
fn bounded(budget: u64, max_tokens: Option<u64>, notes: &mut Notes) -> Option<Thinking> {
    let budget = match max_tokens {
        Some(max) if max <= budget => max.saturating_sub(1),
        _ => budget,
    };
    if budget < BUDGET_TOKENS_MIN {
        notes.drop("reasoning_effort (max_tokens leaves no room for thinking)");
        return None;
    }
    Some(Thinking::Budget(budget))
}

/// The model's word for an effort, the nearest that it takes.
fn level(effort: &str, abilities: Abilities) -> Result<Option<&'static str>, DialectError> {
    let level = match effort {
        "minimal" | "low" => "low",
        "medium" => "medium",
        "high" => "high",
        "xhigh" if abilities.effort_xhigh => "xhigh",
        "max" if abilities.effort_max => "max",
        "xhigh" | "max" => "high",
        "none" => return Ok(None),
        other => {
            let message = format!(
                "`reasoning_effort` is `{other}`; expected none, minimal, low, medium, high, xhigh or max"
            );
            return Err(DialectError::invalid("reasoning_effort", message));
        }
    };
    Ok(abilities.effort.then_some(level))
}
