import { expect, it } from "vitest";
import type { components } from "@/lib/api/schema";
import { isUntouched, toOverview, yesterday } from "./schema";

type Wire = components["schemas"]["Overview"];

const NOTHING: Wire["today"] = {
  spend: 0,
  requests: 0,
  errors: 0,
  refusals: 0,
  cancellations: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
};

function wire(patch: Partial<Wire>): Wire {
  return {
    generated_at: "2026-03-02T10:00:00Z",
    period: "7d",
    today: NOTHING,
    total: NOTHING,
    series: [],
    top_models: [],
    top_keys: [],
    ...patch,
  };
}

it("adds tokens up and knows what is not known", () => {
  const today = { ...NOTHING, prompt_tokens: 3, completion_tokens: 4, requests: 1 };
  const overview = toOverview(wire({ today }));
  expect(overview.today).toMatchObject({ tokens: 7, medianLatency: null });
  expect(isUntouched(overview)).toBe(false);
  expect(isUntouched(toOverview(wire({})))).toBe(true);
});

it("names keys that have no page of their own", () => {
  const hash = "ab".repeat(32);
  const row = { spend: 1, requests: 1 };
  const { keys } = toOverview(
    wire({
      top_keys: [
        { ...row, api_key: "litellm_proxy_master_key" },
        { ...row, api_key: hash, key_alias: "bot" },
        { ...row, api_key: hash, key_alias: "dashboard-session-0123" },
        { ...row, api_key: hash },
      ],
    }),
  );
  expect(keys.map(({ id, name }) => [id, name])).toEqual([
    ["", "Master key"],
    [hash, "bot"],
    [hash, "Playground"],
    [hash, "ababababab…"],
  ]);
});

it("finds yesterday before today", () => {
  const point = { errors: 0, requests: 0, tokens: 0 };
  const series = [1, 2, 3].map((spend) => ({ ...point, at: `2026-03-0${spend}T00:00:00Z`, spend }));
  expect(yesterday(toOverview(wire({ series })))?.spend).toBe(2);
  expect(yesterday(undefined)).toBeNull();
  expect(yesterday(toOverview(wire({})))).toBeNull();
});
