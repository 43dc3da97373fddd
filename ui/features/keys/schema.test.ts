import { describe, expect, it } from "vitest";
import { draftOf, EMPTY_DRAFT, keyStatus, keyTitle, toCreateBody, toKeyRow, toUpdateBody } from "./schema";

describe("toCreateBody", () => {
  it("sends only what was said", () => {
    expect(toCreateBody({ ...EMPTY_DRAFT, alias: " bot " })).toEqual({ body: { key_alias: "bot", models: [] } });
  });

  it("sends everything that was said", () => {
    const draft = { alias: "bot", models: ["gpt-5"], expiry: "30d", budget: "$0.50", metadata: '{"a":1}' } as const;
    expect(toCreateBody({ ...draft, models: [...draft.models] })).toEqual({
      body: { key_alias: "bot", models: ["gpt-5"], duration: "30d", max_budget: 0.5, metadata: { a: 1 } },
    });
  });

  it.each([
    [{ alias: "  " }, "alias"],
    [{ budget: "-1" }, "budget"],
    [{ budget: "ten" }, "budget"],
    [{ budget: "Infinity" }, "budget"],
    [{ metadata: "[1]" }, "metadata"],
    [{ metadata: "{" }, "metadata"],
    [{ metadata: "null" }, "metadata"],
  ])("refuses %j", (patch, field) => {
    const result = toCreateBody({ ...EMPTY_DRAFT, alias: "bot", ...patch });
    expect("errors" in result && Object.keys(result.errors)).toEqual([field]);
  });

  it("takes a budget of zero for a budget", () => {
    expect(toCreateBody({ ...EMPTY_DRAFT, alias: "bot", budget: "0" })).toMatchObject({ body: { max_budget: 0 } });
  });
});

it("knows a key's state", () => {
  const now = new Date("2026-03-01T00:00:00Z");
  expect(keyStatus({ blocked: false, expires: null }, now)).toBe("active");
  expect(keyStatus({ blocked: false, expires: "2026-03-01T00:00:01Z" }, now)).toBe("active");
  expect(keyStatus({ blocked: false, expires: "2026-03-01T00:00:00Z" }, now)).toBe("expired");
  expect(keyStatus({ blocked: true, expires: "2020-01-01T00:00:00Z" }, now)).toBe("blocked");
});

it("has a title for every key", () => {
  expect(keyTitle({ key_alias: "bot", key_name: "sk-...1", token: "t" })).toBe("bot");
  expect(keyTitle({ key_alias: "", key_name: "sk-...1", token: "t" })).toBe("sk-...1");
  expect(keyTitle({ key_alias: null, key_name: "", token: "0123456789abcdef" })).toBe("0123456789…");
});

describe("toUpdateBody", () => {
  const row = toKeyRow({
    token: "t",
    key_name: "sk-...1",
    key_alias: "bot",
    spend: 1,
    max_budget: 5,
    models: ["gpt-5"],
    aliases: {},
    metadata: { a: 1 },
    blocked: false,
    status: "active",
    expires: "2030-01-01T00:00:00Z",
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
  });

  it("changes nothing when nothing was edited", () => {
    expect(toUpdateBody(draftOf(row), row.token)).toEqual({
      body: { key: "t", key_alias: "bot", models: ["gpt-5"], max_budget: 5, metadata: { a: 1 } },
    });
  });

  it("clears with null what was emptied", () => {
    const draft = { ...draftOf(row), budget: "", expiry: "never" as const, metadata: "", models: [] };
    expect(toUpdateBody(draft, row.token)).toEqual({
      body: { key: "t", key_alias: "bot", models: [], max_budget: null, metadata: {}, duration: null },
    });
  });
});
