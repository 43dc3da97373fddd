import type { components } from "@/lib/api/schema";
import { count, duration, formatClock, parseTime, usd } from "@/lib/format";
import { parseChoice, type UrlCodec } from "@/lib/url-state";

type Wire = components["schemas"]["Overview"];

export interface Totals {
  spend: number;
  requests: number;
  errors: number;
  /** `null` when nothing was answered. */
  latency: number | null;
}

export interface Point extends Totals {
  /** Local time of day, "14:15". */
  clock: string;
}

export interface Ranked {
  id: string;
  name: string;
  spend: number;
  requests: number;
}

export interface Overview {
  today: Totals;
  before: Totals;
  series: Point[];
  models: Ranked[];
  keys: Ranked[];
}

export const METRICS = ["spend", "requests", "errors", "latency"] as const;
export type Metric = (typeof METRICS)[number];

export const METRIC_LABELS: Record<Metric, string> = {
  spend: "Spend",
  requests: "Requests",
  errors: "Errors",
  latency: "Latency",
};

export function writeMetric(metric: Metric, value: number | null): string {
  if (value === null) return "–";
  if (metric === "spend") return usd(value);
  return metric === "latency" ? duration(value) : count(value);
}

export interface OverviewFilters {
  metric: Metric;
}

export const overviewCodec: UrlCodec<OverviewFilters> = {
  parse: (params) => ({ metric: parseChoice(params.get("metric"), METRICS, "spend") }),
  write: ({ metric }) => ({ metric: metric === "spend" ? undefined : metric }),
};

function totals(wire: Wire["today"]): Totals {
  return { spend: wire.spend, requests: wire.requests, errors: wire.errors, latency: wire.latency_ms };
}

export function toOverview(wire: Wire): Overview {
  return {
    today: totals(wire.today),
    before: totals(wire.yesterday),
    series: wire.series.map((point) => {
      const start = parseTime(point.start);
      return { ...totals(point), clock: start ? formatClock(start) : point.start };
    }),
    models: wire.top_models.map((row) => ({
      id: row.model,
      name: row.model,
      spend: row.spend,
      requests: row.requests,
    })),
    keys: wire.top_keys.map((row) => ({
      id: row.key,
      name: row.alias ?? `${row.key.slice(0, 8)}…`,
      spend: row.spend,
      requests: row.requests,
    })),
  };
}

/** Nothing at all was ever asked: time for a first step instead of four zeros. */
export function isUntouched(overview: Overview): boolean {
  return overview.today.requests === 0 && overview.before.requests === 0;
}
