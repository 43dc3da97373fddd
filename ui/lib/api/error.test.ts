import { describe, expect, it } from "vitest";
import { networkError, responseError, toApiError } from "./error";

describe("toApiError", () => {
  it.each([
    [{ error: { message: "no", type: "auth_error", param: "key", code: "401" } }, "no"],
    [{ detail: "plain" }, "plain"],
    [{ detail: { error: "nested" } }, "nested"],
    [{ detail: [{ loc: ["body", "max_budget"], msg: "must be a number" }] }, "max_budget: must be a number"],
    ["Bad gateway", "Bad gateway"],
    ["<html>nginx</html>", "The control plane cannot be reached. LLM requests are not affected."],
    [null, "The control plane cannot be reached. LLM requests are not affected."],
    [{ error: {} }, "The control plane cannot be reached. LLM requests are not affected."],
  ])("%j", (body, message) => expect(toApiError(502, body).message).toBe(message));

  it("keeps what callers decide by", () => {
    const error = toApiError(429, { error: { message: "slow down", type: "throttling_error", param: null } });
    expect([error.isTransient, error.isSignedOut, error.kind, error.param]).toEqual([
      true,
      false,
      "throttling_error",
      undefined,
    ]);
  });
});

it("reads a response that is not JSON, and how long to wait", async () => {
  const error = await responseError(new Response("busy", { status: 503, headers: { "retry-after": "7" } }));
  expect([error.message, error.retryAfterSeconds]).toEqual(["busy", 7]);
});

it("tells a server that is too slow from one that is not there, and asks only the latter again", () => {
  const slow = networkError(new DOMException("signal timed out", "TimeoutError"));
  const away = networkError(new TypeError("Failed to fetch"));
  expect([slow.status, slow.isTransient, slow.isWorthRetrying]).toEqual([504, true, false]);
  expect([away.status, away.isTransient, away.isWorthRetrying]).toEqual([0, true, true]);
});
