// Usage of a made-up busy installation, for the mock server.
import { random } from "./seed.mjs";

const NAMES = {
  model: ["claude-sonnet-4-5", "gpt-5", "gpt-4o-mini", "claude-haiku-4-5", "mistral-large", "deepseek-chat", "llama-3.3-70b", "text-embedding-3-large"],
  provider: ["anthropic", "openai", "mistral", "deepseek"],
  team: ["Support", "Search", "Data platform", "Growth", ""],
  endpoint: ["chat", "messages", "embeddings"],
  status: ["success", "upstream_error", "cancelled", "timed_out"],
};

const FIELDS = ["spend", "spend_nano", "requests", "successes", "failures", "refusals", "cancellations", "attempts", "prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"];

function metrics(spend, requests) {
  const tokens = Math.round(requests * 1700);
  const part = (share) => Math.round(requests * share);
  return {
    spend, spend_nano: Math.round(spend * 1e9), requests, successes: part(0.98), failures: part(0.011), refusals: part(0.004),
    cancellations: part(0.005), attempts: part(1.01), prompt_tokens: Math.round(tokens * 0.8), completion_tokens: Math.round(tokens * 0.2),
    total_tokens: tokens, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0, mean_duration_ms: 961.4,
  };
}

const add = (all) => Object.fromEntries([...FIELDS.map((field) => [field, all.reduce((sum, one) => sum + one[field], 0)]), ["mean_duration_ms", 961.4]]);

function starts(first, last, step) {
  const found = [];
  const at = new Date(`${first}T00:00:00Z`);
  for (; at <= new Date(`${last}T00:00:00Z`); step === "month" ? at.setUTCMonth(at.getUTCMonth() + 1) : at.setUTCDate(at.getUTCDate() + 1)) {
    found.push(at.toISOString().slice(0, 10));
  }
  return found;
}

/** One step of one group; always the same for the same day. */
function cell(day, rank, step) {
  const rng = random(Date.parse(day) / 86_400_000 + rank * 977);
  const isWeekend = step === "day" && [0, 6].includes(new Date(day).getUTCDay());
  const requests = Math.round(((isWeekend ? 4_000 : 11_000) * (step === "month" ? 27 : 1) * (0.8 + rng() * 0.4)) / (1 + rank * 0.9));
  return metrics(requests * (0.004 / (1 + rank * 0.3)), requests);
}

export function usage(query, isEmpty) {
  const [first, last, step] = [query.get("start_date"), query.get("end_date"), query.get("step") ?? "day"];
  const by = query.get("by");
  const days = starts(first, last, step);
  const names = isEmpty ? [] : (NAMES[by] ?? NAMES.model.map((_, index) => `${by}-${index + 1}`));
  const groups = names.map((name, rank) => {
    const series = days.map((day) => ({ at: `${day}T00:00:00Z`, metrics: cell(day, rank, step) }));
    return { names: [name], labels: [null], metrics: add(series.map((point) => point.metrics)), series };
  });
  const rest = days.map((day) => (isEmpty ? metrics(0, 0) : cell(day, 14, step)));
  const series = days.map((day, index) => ({ at: `${day}T00:00:00Z`, metrics: add([...groups.map((group) => group.series[index].metrics), rest[index]]) }));
  const total = add(series.map((point) => point.metrics));
  return {
    start_date: first, end_date: last, timezone: query.get("timezone") ?? "UTC", step, is_exact: true, total,
    previous: metrics(total.spend * 0.87, Math.round(total.requests * 0.91)), series, groups,
    other: by === "tag" ? null : add(rest),
    forecast: query.get("forecast") !== "true" ? null : {
      month: last.slice(0, 7), spend: total.spend * 0.6, expected_spend: total.spend, previous_spend: total.spend * 0.9, days_left: 9, days_known: 28,
    },
  };
}
