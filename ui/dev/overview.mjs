// The overview of a made-up busy installation, for the mock server.
import { random } from "./seed.mjs";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const sum = (points, field) => points.reduce((total, point) => total + point[field], 0);

/** One hour, busier around noon; always the same for the same hour. */
function hour(at) {
  const rng = random(Math.floor(at / HOUR_MS));
  const clock = new Date(at).getHours();
  const shape = 0.18 + Math.exp(-(((clock - 10.5) / 3.4) ** 2)) + 0.8 * Math.exp(-(((clock - 15) / 3) ** 2));
  const requests = Math.round(shape * 1600 * (0.75 + rng() * 0.5));
  return {
    at: new Date(at).toISOString(),
    requests,
    errors: Math.round(requests * 0.011 * rng() * (clock === 13 ? 8 : 1)),
    spend: requests * (0.0021 + rng() * 0.0012),
    tokens: Math.round(requests * (1400 + rng() * 600)),
  };
}

function hours(from, until) {
  const points = [];
  for (let at = from; at <= until; at += HOUR_MS) points.push(hour(at));
  return points;
}

function total(points) {
  return {
    spend: sum(points, "spend"),
    requests: sum(points, "requests"),
    errors: sum(points, "errors"),
    tokens: sum(points, "tokens"),
  };
}

function summary(points) {
  const { tokens, ...figures } = total(points);
  return {
    ...figures,
    refusals: Math.round(figures.requests * 0.002),
    cancellations: Math.round(figures.requests * 0.004),
    prompt_tokens: Math.round(tokens * 0.8),
    completion_tokens: Math.round(tokens * 0.2),
    cached_tokens: Math.round(tokens * 0.3),
    reasoning_tokens: 0,
    latency_p50_ms: points.length === 0 ? null : 961.4,
    latency_p95_ms: points.length === 0 ? null : 4210,
  };
}

const SHARES = [0.38, 0.24, 0.17, 0.12, 0.06];
const MODELS = ["claude-sonnet", "gpt-5", "gpt-4o", "claude-haiku", "llama-3.3-70b"];

export function overview(now, period, empty, keys) {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const thisHour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const days = { "24h": 0, "7d": 7, "30d": 30 }[period];
  const today = empty ? [] : hours(midnight, now);
  const from = days === 0 ? thisHour - 23 * HOUR_MS : midnight - (days - 1) * DAY_MS;
  const all = empty ? [] : hours(from, now);
  const dayOf = (start) => ({ at: new Date(start).toISOString(), ...total(hours(start, Math.min(now, start + DAY_MS - 1))) });
  const series = days === 0 ? all : Array.from({ length: days }, (_, index) => dayOf(from + index * DAY_MS));
  const spend = sum(all, "spend");
  const requests = sum(all, "requests");
  const rank = (index) => ({ spend: spend * SHARES[index], requests: Math.round(requests * SHARES[index] ** 1.4), tokens: 0 });
  return {
    generated_at: new Date(now).toISOString(),
    period,
    today: summary(today),
    total: summary(all),
    series: empty ? [] : series,
    top_models: empty ? [] : MODELS.map((model, index) => ({ model, ...rank(index) })),
    top_keys: keys.slice(0, 5).map((key, index) => ({ api_key: key.token, key_alias: key.key_alias, ...rank(index) })),
  };
}
