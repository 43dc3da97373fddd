import { describe, expect, it } from "vitest";
import { events, refuse, serve } from "@/test/server";
import { DEFAULT_SETTINGS, toChatBody } from "./schema";
import { readChunk, streamChat } from "./stream";

const body = toChatBody("demo", DEFAULT_SETTINGS, [], "hi");

function ask(signal = new AbortController().signal) {
  let time = 0;
  let answer = "";
  const metrics = streamChat({
    body,
    key: "sk-1",
    signal,
    now: () => (time += 10),
    onDelta: (delta) => (answer += delta.text),
  });
  return metrics.then((value) => ({ metrics: value, answer }));
}

describe("streamChat", () => {
  it("gathers the answer, the usage and the times", async () => {
    const asked = serve({
      "POST /v1/chat/completions": () =>
        events(
          '{"choices":[{"delta":{"role":"assistant"}}]}',
          '{"choices":[{"delta":{"content":"Hel"}}]}',
          '{"choices":[{"delta":{"content":"lo"}}]}',
          '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}',
          "[DONE]",
        ),
    });
    const { metrics, answer } = await ask();
    expect(answer).toBe("Hello");
    expect(metrics).toEqual({
      tokens: { input: 7, output: 2, cached: 4 },
      firstTokenMs: 10,
      totalMs: 20,
      callId: "call-1",
    });
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer sk-1");
    expect(asked[0]?.body).toMatchObject({ model: "demo", stream: true });
  });

  it("tells a refusal in the gateway's words", async () => {
    serve({ "POST /v1/chat/completions": () => refuse(429, "budget has been exceeded") });
    await expect(ask()).rejects.toThrow("budget has been exceeded");
  });

  it("tells an error in the middle of the stream", async () => {
    serve({
      "POST /v1/chat/completions": () =>
        events('{"choices":[{"delta":{"content":"x"}}]}', '{"error":{"message":"upstream went away","code":"502"}}'),
    });
    await expect(ask()).rejects.toThrow("upstream went away");
  });
});

it("reads chunks that carry less than one would think", () => {
  expect(readChunk("{}").delta).toEqual({ text: "", reasoning: "" });
  expect(readChunk('{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}').delta.reasoning).toBe("hm");
  expect(() => readChunk("garbage")).toThrow("not JSON");
});
