// The official Anthropic SDK for Node against both providers, streaming and not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";

import { ANTHROPIC_TOOL, CALLS, IMAGE_URL, PNG_BASE64, PNG_BYTES, environment } from "./samples.mjs";

const { url, key } = environment();
const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const text = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

/** A finished message: whole, or through the SDK's own accumulator of events. */
function ask(stream, request) {
  const whole = { max_tokens: 1000, ...request };
  return stream ? client.messages.stream(whole).finalMessage() : client.messages.create(whole);
}

for (const model of ["oai", "ant"]) {
  for (const stream of [false, true]) {
    describe(`messages → ${model}, ${stream ? "streamed" : "whole"}`, () => {
      test("a conversation with a system prompt", async () => {
        const message = await ask(stream, {
          model, system: "Be brief", messages: [user("first"), { role: "assistant", content: "yes" }, user("hello")],
        });
        assert.match(text(message), /user=hello;.*system=Be brief/);
        assert.deepEqual([message.type, message.role, message.stop_reason, message.model], ["message", "assistant", "end_turn", model]);
        assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
      });

      test("parallel tool calls and their results", async () => {
        const first = [user("weather?")];
        const message = await ask(stream, { model, messages: first, tools: [ANTHROPIC_TOOL] });
        const calls = message.content.filter((block) => block.type === "tool_use");
        assert.equal(message.stop_reason, "tool_use");
        assert.deepEqual(calls.map((call) => call.input), CALLS);
        const results = user(calls.map((call, at) => ({ type: "tool_result", tool_use_id: call.id, content: ["21C", "14C"][at] })));
        const final = await ask(stream, {
          model, messages: [...first, { role: "assistant", content: message.content }, results], tools: [ANTHROPIC_TOOL],
        });
        assert.ok(text(final).includes(`results=${calls[0].id}:21C|${calls[1].id}:14C`));
      });

      test("images as data and by URL", async () => {
        const message = await ask(stream, {
          model,
          messages: [user([
            { type: "image", source: { type: "base64", media_type: "image/png", data: PNG_BASE64 } },
            { type: "image", source: { type: "url", url: IMAGE_URL } },
            { type: "text", text: "what is this?" },
          ])],
        });
        assert.ok(text(message).includes(`images=image/png:${PNG_BYTES}|url:${IMAGE_URL}`));
      });

      test("thinking with its signature", async () => {
        const script = model === "oai" ? "<<script reasoning>>hi" : "hi";
        const message = await ask(stream, { model, messages: [user(script)], thinking: { type: "enabled", budget_tokens: 2048 }, max_tokens: 4096 });
        assert.deepEqual(message.content.map((block) => block.type), ["thinking", "text"]);
        assert.equal(message.content[0].thinking, "The user asks; I look at it and answer.");
        if (model === "ant") assert.match(message.content[0].signature, /^sig-/);
      });

      test("stop sequences and the token limit", async () => {
        assert.match(text(await ask(stream, { model, messages: [user("count")], stop_sequences: ["four"] })), /one two three\s*$/);
        assert.equal((await ask(stream, { model, messages: [user("count")], max_tokens: 3 })).stop_reason, "max_tokens");
      });
    });
  }

  test(`messages → ${model}: tokens can be counted`, async () => {
    const counted = await client.messages.countTokens({ model, messages: [user("how many tokens are these words?")] });
    assert.ok(counted.input_tokens >= 3 && counted.input_tokens <= 40);
  });

  test(`messages → ${model}: the provider's error inside a stream`, async () => {
    const stream = client.messages.stream({ model, max_tokens: 100, messages: [user("<<script words=50 error_after=9>>hi")] });
    await assert.rejects(stream.finalMessage(), Anthropic.APIError);
  });
}

test("errors are typed", async () => {
  const wrong = new Anthropic({ baseURL: url, apiKey: "sk-unknown-0123456789abcd", maxRetries: 0 });
  const ask = (client, model, content = "hi") => client.messages.create({ model, max_tokens: 5, messages: [user(content)] });
  await assert.rejects(ask(wrong, "ant"), Anthropic.AuthenticationError);
  await assert.rejects(ask(client, "nothing"), Anthropic.BadRequestError);
  await assert.rejects(ask(client, "ant-7", "<<script status=429>>hi"), (error) => {
    assert.ok(error instanceof Anthropic.RateLimitError);
    assert.equal(error.error.error.type, "rate_limit_error");
    return true;
  });
  await assert.rejects(ask(client, "ant", "<<script status=500>>hi"), Anthropic.InternalServerError);
});
