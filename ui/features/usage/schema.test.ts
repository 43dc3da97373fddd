import { expect, it } from "vitest";
import type { components } from "@/lib/api/schema";
import { change, fileUrl, frame, toUsage, usageCodec } from "./schema";

type Wire = components["schemas"]["Usage"];
type Metrics = components["schemas"]["Metrics"];

function metrics(spend: number, requests: number, tokens = 0): Metrics {
  const zero = { attempts: 0, cache_read_tokens: 0, cache_write_tokens: 0, cancellations: 0, completion_tokens: 0, failures: 0 };
  const more = { prompt_tokens: 0, reasoning_tokens: 0, refusals: 0, successes: requests, mean_duration_ms: null };
  return { ...zero, ...more, spend, spend_nano: spend * 1e9, requests, total_tokens: tokens };
}

const AT = ["2026-03-01T00:00:00+05:30", "2026-03-02T00:00:00+05:30"];

function wire(patch: Partial<Wire>): Wire {
  return {
    start_date: "2026-03-01",
    end_date: "2026-03-02",
    timezone: "Asia/Kolkata",
    step: "day",
    is_exact: true,
    total: metrics(10, 4),
    previous: null,
    series: AT.map((at, index) => ({ at, metrics: metrics(index === 0 ? 4 : 6, 2) })),
    groups: [{ names: ["gpt-4o"], labels: [null], metrics: metrics(7, 3), series: AT.map((at, index) => ({ at, metrics: metrics(index === 0 ? 2 : 5, 1) })) }],
    other: metrics(3, 1),
    ...patch,
  };
}

it("cuts each step into its groups and the rest", () => {
  const usage = toUsage(wire({}), "model");
  expect(usage.bars.map((bar) => bar.parts.map((part) => part.spend))).toEqual([
    [2, 2],
    [5, 1],
  ]);
  expect(usage.groups.map((group) => group.name)).toEqual(["gpt-4o"]);
  expect(usage.other?.spend).toBe(3);
});

it("has no rest where groups overlap", () => {
  const usage = toUsage(wire({ other: null }), "tag");
  expect(usage.bars[0]?.parts.map((part) => part.spend)).toEqual([2]);
  expect(usage.other).toBeNull();
});

it("names what has no name, and what has another", () => {
  const hash = "ab".repeat(32);
  const named = (by: Parameters<typeof toUsage>[1], name: string, label: string | null = null) =>
    toUsage(wire({ groups: [{ names: [name], labels: [label], metrics: metrics(1, 1), series: null }] }), by).groups[0]?.name;
  expect(named("team", "")).toBe("No team");
  expect(named("model", "")).toBe("Refused before a model");
  expect(named("key", "litellm_proxy_master_key")).toBe("Master key");
  expect(named("key", hash)).toBe("ababababab…");
  expect(named("user", hash)).toBe(hash);
  expect(named("key", hash, "search")).toBe("search");
});

it("tells what the month will come to", () => {
  const forecast = { month: "2026-03", spend: 10, expected_spend: 25, previous_spend: 20, days_left: 9, days_known: 28 };
  expect(toUsage(wire({ forecast }), "model").forecast).toEqual({ month: "March", spend: 10, expected: 25, previous: 20 });
  expect(toUsage(wire({}), "model").forecast).toBeNull();
});

it("names the file of the same usage", () => {
  const url = fileUrl("7d", "team", "Asia/Kolkata", new Date(2026, 2, 10));
  expect(url).toBe("/analytics/usage/export?start_date=2026-03-04&end_date=2026-03-10&step=day&timezone=Asia%2FKolkata&by=team");
});

it("asks for whole local days and whole months", () => {
  const now = new Date(2026, 2, 2, 23, 30);
  expect(frame("7d", now)).toEqual({ start_date: "2026-02-24", end_date: "2026-03-02", step: "day" });
  expect(frame("12m", now)).toEqual({ start_date: "2025-04-01", end_date: "2026-03-02", step: "month" });
});

it("compares with the time before, where there was something", () => {
  expect(change(5, 4)).toBe(0.25);
  expect(change(5, 0)).toBeNull();
  expect(change(5, undefined)).toBeNull();
});

it("leaves defaults out of the address", () => {
  const read = usageCodec.parse(new URLSearchParams("by=key&range=nonsense"));
  expect(read).toEqual({ range: "30d", by: "key", metric: "spend" });
  expect(usageCodec.write(read)).toEqual({ range: undefined, by: "key", metric: undefined });
});
