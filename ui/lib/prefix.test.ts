import { afterEach, expect, it, vi } from "vitest";

afterEach(() => vi.unstubAllEnvs());

async function withPrefix(prefix: string) {
  vi.stubEnv("PREFIX", prefix);
  vi.resetModules();
  return import("./prefix");
}

it("stands before addresses, and is taken off those of pages", async () => {
  const { under, within } = await withPrefix("/llm");
  expect(under("/v1/models")).toBe("/llm/v1/models");
  expect(within("/llm/ui/keys/")).toBe("/ui/keys/");
  expect(within("/llmx/ui/")).toBe("/llmx/ui/");
});

it("may be none", async () => {
  const { under, within } = await withPrefix("");
  expect(under("/v1/models")).toBe("/v1/models");
  expect(within("/ui/keys/")).toBe("/ui/keys/");
});
