// The official OpenAI SDK for Node against both providers, streaming and not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";

import { CALLS, IMAGE_URL, OPENAI_TOOL, PERSON, PERSON_SCHEMA, PNG_BASE64, PNG_BYTES, environment } from "./samples.mjs";

const { url, key } = environment();
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const user = (content) => ({ role: "user", content });

/** A finished answer: whole, or through the SDK's own accumulator of chunks. */
async function ask(stream, request) {
  if (!stream) return (await client.chat.completions.create(request)).choices[0];
  const runner = client.chat.completions.stream(request);
  return (await runner.finalChatCompletion()).choices[0];
}

for (const model of ["oai", "ant"]) {
  for (const stream of [false, true]) {
    describe(`chat → ${model}, ${stream ? "streamed" : "whole"}`, () => {
      test("a conversation with a system prompt", async () => {
        const { message, finish_reason } = await ask(stream, {
          model,
          messages: [{ role: "system", content: "Be brief" }, user("first"), { role: "assistant", content: "yes" }, user("hello")],
        });
        assert.match(message.content, /user=hello;.*system=Be brief/);
        assert.equal(finish_reason, "stop");
      });

      test("parallel tool calls and their results", async () => {
        const first = [user("weather?")];
        const { message, finish_reason } = await ask(stream, { model, messages: first, tools: [OPENAI_TOOL] });
        assert.equal(finish_reason, "tool_calls");
        assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments)), CALLS);
        const turn = {
          role: "assistant",
          content: null,
          tool_calls: message.tool_calls.map(({ id, function: f }) => ({ id, type: "function", function: { name: f.name, arguments: f.arguments } })),
        };
        const results = message.tool_calls.map((call, at) => ({ role: "tool", tool_call_id: call.id, content: ["21C", "14C"][at] }));
        const final = await ask(stream, { model, messages: [...first, turn, ...results], tools: [OPENAI_TOOL] });
        assert.ok(final.message.content.includes(`results=${message.tool_calls[0].id}:21C|${message.tool_calls[1].id}:14C`));
      });

      test("images as data and by URL", async () => {
        const { message } = await ask(stream, {
          model,
          messages: [user([
            { type: "text", text: "what is this?" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${PNG_BASE64}` } },
            { type: "image_url", image_url: { url: IMAGE_URL } },
          ])],
        });
        assert.ok(message.content.includes(`images=image/png:${PNG_BYTES}|url:${IMAGE_URL}`));
      });

      test("JSON by schema", async () => {
        const { message } = await ask(stream, {
          model,
          messages: [user("who?")],
          response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema: PERSON_SCHEMA } },
        });
        assert.deepEqual(JSON.parse(message.content), PERSON);
      });

      test("stop sequences and the token limit", async () => {
        assert.match((await ask(stream, { model, messages: [user("count")], stop: ["four"] })).message.content, /one two three $/);
        assert.equal((await ask(false, { model, messages: [user("count")], max_tokens: 3 })).finish_reason, "length");
      });
    });
  }

  test(`chat → ${model}: usage is streamed to who asks`, async () => {
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({
      model, messages: [user("<<script in=1000 out=50 cached=600>>hi")], stream: true, stream_options: { include_usage: true },
    })) chunks.push(chunk);
    const { usage } = chunks.findLast((chunk) => chunk.usage);
    assert.deepEqual([usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens], [1000, 50, 600]);
  });

  test(`chat → ${model}: leaving a stream early`, async () => {
    const stream = await client.chat.completions.create({ model, messages: [user("<<script words=500 gap_ms=5>>hi")], stream: true });
    for await (const _ of stream) break;
    assert.ok(stream.controller.signal.aborted);
  });

  test(`chat → ${model}: the provider's error inside a stream`, async () => {
    const stream = await client.chat.completions.create({ model, messages: [user("<<script words=50 error_after=9>>hi")], stream: true });
    await assert.rejects(async () => { for await (const _ of stream); }, OpenAI.APIError);
  });
}

test("errors are typed", async () => {
  const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-unknown-0123456789abcd", maxRetries: 0 });
  const ask = (client, model, text = "hi") => client.chat.completions.create({ model, messages: [user(text)] });
  await assert.rejects(ask(wrong, "oai"), OpenAI.AuthenticationError);
  await assert.rejects(ask(client, "nothing"), OpenAI.BadRequestError);
  await assert.rejects(ask(client, "oai-7", "<<script status=429>>hi"), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.type, "throttling_error");
    return true;
  });
  await assert.rejects(ask(client, "oai", "<<script status=500>>hi"), OpenAI.InternalServerError);
});

test("embeddings, models, legacy completions", async () => {
  const embeddings = await client.embeddings.create({ model: "embed", input: ["one two", "three"] });
  assert.deepEqual(embeddings.data.map((item) => item.embedding.length), [8, 8]);
  assert.equal(embeddings.usage.prompt_tokens, 3);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes("oai") && models.includes("ant"));
  const completion = await client.completions.create({ model: "instruct", prompt: "say it", max_tokens: 100 });
  assert.match(completion.choices[0].text, /user=say it;/);
});

test("the Azure client", async () => {
  const azure = new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: "2024-10-21", maxRetries: 0 });
  for (const model of ["oai", "azure"]) {
    const answer = await azure.chat.completions.create({ model, messages: [user("hi")] });
    assert.match(answer.choices[0].message.content, /user=hi;/);
  }
});
