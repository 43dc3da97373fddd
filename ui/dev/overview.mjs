// The overview of a made-up busy day, for the mock server.
import { random } from "./seed.mjs";

const QUARTER_MS = 15 * 60_000;

const sum = (points, field) => points.reduce((total, point) => total + point[field], 0);

function day(start, until, seed, level) {
  const rng = random(seed);
  const points = [];
  for (let at = start; at <= until; at += QUARTER_MS) {
    const hour = (at - start) / 3_600_000;
    const shape = 0.18 + Math.exp(-(((hour - 10.5) / 3.4) ** 2)) + 0.8 * Math.exp(-(((hour - 15) / 3) ** 2));
    const requests = Math.round(shape * level * (0.75 + rng() * 0.5));
    points.push({
      start: new Date(at).toISOString(),
      requests,
      errors: Math.round(requests * 0.011 * rng() * (hour > 13 && hour < 14 ? 8 : 1)),
      spend: requests * (0.0021 + rng() * 0.0012),
      latency_ms: Math.round(620 + 300 * shape + rng() * 240),
    });
  }
  return points;
}

function totals(points) {
  return {
    spend: sum(points, "spend"),
    requests: sum(points, "requests"),
    errors: sum(points, "errors"),
    latency_ms: points.length ? sum(points, "latency_ms") / points.length : null,
  };
}

export function overview(now, empty, keys) {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (empty) {
    const zero = { spend: 0, requests: 0, errors: 0, latency_ms: null };
    return { today: zero, yesterday: zero, series: [], previous_series: [], top_models: [], top_keys: [] };
  }
  const today = day(midnight, now, 5, 420);
  const before = day(midnight, now, 6, 385);
  const spend = sum(today, "spend");
  const share = [0.38, 0.24, 0.17, 0.12, 0.06];
  const names = ["claude-sonnet", "gpt-5", "gpt-4o", "claude-haiku", "llama-3.3-70b"];
  const rank = (row, index) => ({ ...row, spend: spend * share[index], requests: Math.round(9000 * share[index] ** 1.4) });
  return {
    today: totals(today),
    yesterday: totals(before),
    series: today,
    previous_series: before,
    top_models: names.map((model, index) => rank({ model }, index)),
    top_keys: keys.slice(0, 5).map((key, index) => rank({ key: key.token, alias: key.key_alias }, index)),
  };
}
