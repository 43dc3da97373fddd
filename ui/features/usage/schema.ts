import type { components } from "@/lib/api/schema";
import { compactCount, formatDay, usd } from "@/lib/format";
import { under } from "@/lib/prefix";
import { parseChoice, type UrlCodec } from "@/lib/url-state";

type Wire = components["schemas"]["Usage"];
type WireMetrics = components["schemas"]["Metrics"];
type Step = Wire["step"];

export const RANGES = ["7d", "30d", "90d", "12m", "24m"] as const;
export type Range = (typeof RANGES)[number];

export const RANGE_LABELS: Record<Range, string> = {
  "7d": "7 days",
  "30d": "30 days",
  "90d": "90 days",
  "12m": "12 months",
  "24m": "24 months",
};

/** What usage can be grouped by, as the server names it. */
export const DIMENSIONS = {
  model: "Model",
  model_group: "Model name",
  provider: "Provider",
  team: "Team",
  user: "User",
  key: "Key",
  organization: "Organisation",
  customer: "Customer",
  tag: "Tag",
  endpoint: "Endpoint",
  status: "Outcome",
} as const;
export type Dimension = keyof typeof DIMENSIONS;
export const DIMENSION_NAMES = Object.keys(DIMENSIONS) as Dimension[];

export const METRICS = ["spend", "requests", "tokens", "failures"] as const;
export type Metric = (typeof METRICS)[number];

export const METRIC_LABELS: Record<Metric, string> = {
  spend: "Spend",
  requests: "Requests",
  tokens: "Tokens",
  failures: "Failures",
};

export function writeMetric(metric: Metric, value: number): string {
  return metric === "spend" ? usd(value) : compactCount(value);
}

export type Figures = Record<Metric, number>;

export interface Group {
  /** Its place in the order of spend, which is its colour too. */
  index: number;
  /** As the server has it; empty for usage of nobody in particular. */
  id: string;
  name: string;
  figures: Figures;
}

/** One step, with a part for each group in the order of the groups; what is in none comes last. */
export interface Bar {
  at: Date;
  label: string;
  figures: Figures;
  parts: Figures[];
}

/** The month that it is now, in US dollars. */
export interface Forecast {
  /** Such as "January". */
  month: string;
  spend: number;
  expected: number;
  previous: number;
}

export interface Usage {
  isExact: boolean;
  total: Figures;
  previous: Figures | null;
  groups: Group[];
  /** What is in no group; `null` where groups overlap, since a request with several tags counts for each. */
  other: Figures | null;
  bars: Bar[];
  forecast: Forecast | null;
}

export interface UsageFilters {
  range: Range;
  by: Dimension;
  metric: Metric;
}

export const usageCodec: UrlCodec<UsageFilters> = {
  parse: (params) => ({
    range: parseChoice(params.get("range"), RANGES, "30d"),
    by: parseChoice(params.get("by"), DIMENSION_NAMES, "model"),
    metric: parseChoice(params.get("metric"), METRICS, "spend"),
  }),
  write: ({ range, by, metric }) => ({
    range: range === "30d" ? undefined : range,
    by: by === "model" ? undefined : by,
    metric: metric === "spend" ? undefined : metric,
  }),
};

/** A local day as the server takes it. */
function day(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The days of a range that ends today, and how it is cut. */
export function frame(range: Range, now: Date): { start_date: string; end_date: string; step: Step } {
  const count = Number.parseInt(range, 10);
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate()];
  const isMonths = range.endsWith("m");
  const start = isMonths ? new Date(year, month - count + 1, 1) : new Date(year, month, date - count + 1);
  return { start_date: day(start), end_date: day(now), step: isMonths ? "month" : "day" };
}

function figures(wire: WireMetrics): Figures {
  return { spend: wire.spend, requests: wire.requests, tokens: wire.total_tokens, failures: wire.failures };
}

const NOTHING: Figures = { spend: 0, requests: 0, tokens: 0, failures: 0 };

function minus(left: Figures, right: Figures): Figures {
  const rest = (metric: Metric) => Math.max(0, left[metric] - right[metric]);
  return { spend: rest("spend"), requests: rest("requests"), tokens: rest("tokens"), failures: rest("failures") };
}

const HASH = /^[0-9a-f]{64}$/;

function groupName(by: Dimension, id: string): string {
  if (id === "") return by === "model" || by === "model_group" ? "Refused before a model" : `No ${DIMENSIONS[by].toLowerCase()}`;
  if (by === "key" && id === "litellm_proxy_master_key") return "Master key";
  return by === "key" && HASH.test(id) ? `${id.slice(0, 10)}…` : id;
}

const monthOnly = new Intl.DateTimeFormat("en-US", { month: "short", year: "2-digit" });

const monthName = new Intl.DateTimeFormat("en-US", { month: "long", timeZone: "UTC" });

function toForecast(wire: Wire["forecast"]): Forecast | null {
  if (!wire) return null;
  const month = monthName.format(new Date(`${wire.month}-01T00:00:00Z`));
  return { month, spend: wire.spend, expected: wire.expected_spend, previous: wire.previous_spend };
}

/** Where the same usage is as a file: every group of every step. */
export function fileUrl(range: Range, by: Dimension, timezone: string, now: Date): string {
  return under(`/analytics/usage/export?${new URLSearchParams({ ...frame(range, now), timezone, by }).toString()}`);
}

export function toUsage(wire: Wire, by: Dimension): Usage {
  const series = wire.groups.map((group) => group.series ?? []);
  const other = wire.other ? figures(wire.other) : null;
  const bars = wire.series.map((point, index) => {
    const at = new Date(point.at);
    const parts = series.map((points) => (points[index] ? figures(points[index].metrics) : NOTHING));
    const whole = figures(point.metrics);
    const label = wire.step === "month" ? monthOnly.format(at) : formatDay(at);
    return { at, label, figures: whole, parts: other ? [...parts, parts.reduce(minus, whole)] : parts };
  });
  return {
    isExact: wire.is_exact,
    total: figures(wire.total),
    previous: wire.previous ? figures(wire.previous) : null,
    groups: wire.groups.map(({ names, labels, metrics }, index) => {
      const id = names[0] ?? "";
      return { index, id, name: labels[0] ?? groupName(by, id), figures: figures(metrics) };
    }),
    other,
    bars,
    forecast: toForecast(wire.forecast),
  };
}

/** How much more than before, such as 0.25; `null` where there was nothing before. */
export function change(now: number, before: number | undefined): number | null {
  return before ? now / before - 1 : null;
}
