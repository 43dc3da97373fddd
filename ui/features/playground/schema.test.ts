import { expect, it } from "vitest";
import { DEFAULT_SETTINGS, estimateCost, toChatBody, type Turn } from "./schema";

function turn(patch: Partial<Turn>): Turn {
  return { id: 1, question: "q", model: "m", answer: "a", reasoning: "", state: "done", error: null, metrics: null, ...patch };
}

it("sends the conversation without the turns that failed", () => {
  const turns = [turn({}), turn({ answer: "", state: "failed" })];
  const body = toChatBody("m", { ...DEFAULT_SETTINGS, system: " be brief " }, turns, "next");
  expect(body.messages).toEqual([
    { role: "system", content: "be brief" },
    { role: "user", content: "q" },
    { role: "assistant", content: "a" },
    { role: "user", content: "next" },
  ]);
  expect(body).not.toHaveProperty("temperature");
  expect(body).not.toHaveProperty("max_tokens");
});

it("sends settings that were made, a temperature of zero among them", () => {
  const settings = { ...DEFAULT_SETTINGS, temperature: "0", maxTokens: "64" };
  expect(toChatBody("m", settings, [], "q")).toMatchObject({ temperature: 0, max_tokens: 64 });
});

it("estimates by list price, cached tokens at theirs", () => {
  const prices = { inputPrice: 3e-6, outputPrice: 15e-6, cacheReadPrice: 0.3e-6 };
  expect(estimateCost({ input: 1000, output: 100, cached: 400 }, prices)).toBeCloseTo(0.00342, 10);
  expect(estimateCost({ input: 1, output: 1, cached: 0 }, { ...prices, outputPrice: null })).toBeNull();
});
