import type { components } from "@/lib/api/schema";
import { compactCount, formatClock, formatDay, parseTime, usd } from "@/lib/format";
import { parseChoice, type UrlCodec } from "@/lib/url-state";

type Wire = components["schemas"]["Overview"];
type WireSummary = components["schemas"]["Summary"];

/** How far back the chart and the lists look. */
export const PERIODS = ["24h", "7d", "30d"] as const satisfies readonly Wire["period"][];
export type Period = (typeof PERIODS)[number];

export const PERIOD_LABELS: Record<Period, string> = { "24h": "24 hours", "7d": "7 days", "30d": "30 days" };

/** What the chart can show. */
export const METRICS = ["spend", "requests", "errors", "tokens"] as const;
export type Metric = (typeof METRICS)[number];

export const METRIC_LABELS: Record<Metric, string> = {
  spend: "Spend",
  requests: "Requests",
  errors: "Errors",
  tokens: "Tokens",
};

export function writeMetric(metric: Metric, value: number): string {
  return metric === "spend" ? usd(value) : compactCount(value);
}

export type Figures = Record<Metric, number>;

export interface Summary extends Figures {
  refusals: number;
  /** Milliseconds; `null` when nothing was answered. */
  medianLatency: number | null;
  p95Latency: number | null;
}

export interface Point extends Figures {
  at: Date;
}

export interface Ranked {
  id: string;
  name: string;
  spend: number;
  requests: number;
}

export interface Overview {
  period: Period;
  today: Summary;
  total: Summary;
  series: Point[];
  models: Ranked[];
  /** `id` is the key's hash, or empty for what has no page of its own. */
  keys: Ranked[];
}

function summary(wire: WireSummary): Summary {
  return {
    spend: wire.spend,
    requests: wire.requests,
    errors: wire.errors,
    tokens: wire.prompt_tokens + wire.completion_tokens,
    refusals: wire.refusals,
    medianLatency: wire.latency_p50_ms ?? null,
    p95Latency: wire.latency_p95_ms ?? null,
  };
}

const HASH = /^[0-9a-f]{64}$/;
const MASTER_KEY = "litellm_proxy_master_key";
const SESSION_KEY = /^dashboard-session-/;

function keyName({ api_key, key_alias, key_name }: Wire["top_keys"][number]): string {
  if (api_key === MASTER_KEY) return "Master key";
  if (key_alias && SESSION_KEY.test(key_alias)) return "Playground";
  return key_alias || key_name || `${api_key.slice(0, 10)}…`;
}

export function toOverview(wire: Wire): Overview {
  return {
    period: wire.period,
    today: summary(wire.today),
    total: summary(wire.total),
    series: wire.series.map(({ at, spend, requests, errors, tokens }) => ({
      at: parseTime(at) ?? new Date(0),
      spend,
      requests,
      errors,
      tokens,
    })),
    models: wire.top_models.map(({ model, spend, requests }) => ({ id: model, name: model, spend, requests })),
    keys: wire.top_keys.map((row) => ({
      id: HASH.test(row.api_key) ? row.api_key : "",
      name: keyName(row),
      spend: row.spend,
      requests: row.requests,
    })),
  };
}

/** What the axis and the tooltip call a point: an hour of the last day, or a day. */
export function pointLabel(at: Date, period: Period): string {
  return period === "24h" ? formatClock(at) : formatDay(at);
}

/** Yesterday as the series of days has it; the last of them is today. */
export function yesterday(week: Overview | undefined): Figures | null {
  return week?.series.at(-2) ?? null;
}

/** Nothing at all was asked in the period: time for a first step instead of zeros. */
export function isUntouched(overview: Overview): boolean {
  return overview.total.requests === 0 && overview.today.requests === 0;
}

export interface OverviewFilters {
  metric: Metric;
  period: Period;
}

export const overviewCodec: UrlCodec<OverviewFilters> = {
  parse: (params) => ({
    metric: parseChoice(params.get("metric"), METRICS, "spend"),
    period: parseChoice(params.get("period"), PERIODS, "24h"),
  }),
  write: ({ metric, period }) => ({
    metric: metric === "spend" ? undefined : metric,
    period: period === "24h" ? undefined : period,
  }),
};
