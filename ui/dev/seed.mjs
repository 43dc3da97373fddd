// Made-up data for the mock server: the same at every start.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A small seeded generator (mulberry32), so that screenshots do not change from run to run. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const hex = (rng, length) => Array.from({ length }, () => Math.floor(rng() * 16).toString(16)).join("");

const model = (name, upstream, provider, mode, input, output, context, outputMax, more = {}) => ({
  model_name: name,
  litellm_params: { model: upstream },
  model_info: {
    db_model: false,
    key: upstream.slice(upstream.indexOf("/") + 1),
    id: hex(random(name.length * 7919 + upstream.length * 31 + context), 16),
    mode,
    litellm_provider: provider,
    input_cost_per_token: input === null ? null : input / 1e6,
    output_cost_per_token: output === null ? null : output / 1e6,
    max_input_tokens: context,
    max_output_tokens: outputMax,
    ...more,
  },
});

const all = { supports_vision: true, supports_function_calling: true, supports_reasoning: true };
const tools = { supports_function_calling: true };

export const models = [
  model("gpt-5", "openai/gpt-5", "openai", "chat", 1.25, 10, 272_000, 128_000, all),
  model("gpt-5-mini", "openai/gpt-5-mini", "openai", "chat", 0.25, 2, 272_000, 128_000, all),
  model("gpt-4o", "azure/gpt-4o-eu", "azure", "chat", 2.5, 10, 128_000, 16_384, { ...tools, supports_vision: true }),
  model("claude-sonnet", "anthropic/claude-sonnet-4-5", "anthropic", "chat", 3, 15, 200_000, 64_000, all),
  model("claude-haiku", "anthropic/claude-haiku-4-5", "anthropic", "chat", 1, 5, 200_000, 64_000, all),
  model("llama-3.3-70b", "groq/llama-3.3-70b-versatile", "groq", "chat", 0.59, 0.79, 131_072, 32_768, tools),
  model("deepseek-chat", "deepseek/deepseek-chat", "deepseek", "chat", 0.28, 0.42, 131_072, 8_192, tools),
  model("mistral-large", "mistral/mistral-large-latest", "mistral", "chat", 2, 6, 128_000, 8_191, tools),
  model("embed-small", "openai/text-embedding-3-small", "openai", "embedding", 0.02, 0, 8_191, null),
  model("local-qwen", "ollama/qwen3:8b", "ollama", "chat", null, null, 32_768, null, tools),
  model("openrouter/*", "openrouter/*", "openrouter", "", null, null, null, null),
  model("demo", "demo/demo", "demo", "chat", 0, 0, 32_768, 4_096),
];

const NAMES = [
  "search-service",
  "support-bot",
  "docs-assistant",
  "ci-review",
  "data-labelling",
  "sales-copilot",
  "mobile-app",
  "evals-nightly",
  "translation",
  "internal-chat",
];

export function makeKey(rng, alias, now, more = {}) {
  const token = hex(rng, 64);
  return {
    token,
    key_name: `sk-...${token.slice(-4)}`,
    key_alias: alias,
    spend: 0,
    max_budget: null,
    expires: null,
    models: [],
    metadata: {},
    blocked: false,
    status: "active",
    aliases: {},
    created_at: new Date(now).toISOString(),
    updated_at: new Date(now).toISOString(),
    created_by: "admin",
    ...more,
  };
}

export function seedKeys(now, total) {
  const rng = random(11);
  return Array.from({ length: total }, (_, index) => {
    const budget = rng() < 0.6 ? [5, 25, 100, 250][Math.floor(rng() * 4)] : null;
    return makeKey(rng, `${NAMES[index % NAMES.length]}${index < NAMES.length ? "" : `-${index}`}`, now, {
      spend: Number((rng() ** 3 * (budget ? budget * 1.05 : 80)).toFixed(6)),
      max_budget: budget,
      models: rng() < 0.5 ? models.slice(0, 1 + Math.floor(rng() * 4)).map((row) => row.model_name) : [],
      expires: rng() < 0.4 ? new Date(now + (rng() * 120 - 10) * DAY_MS).toISOString() : null,
      blocked: rng() < 0.08,
      metadata: rng() < 0.5 ? { team: "search", cost_center: "R-104" } : {},
      created_at: new Date(now - (index * 7 + rng() * 6) * HOUR_MS).toISOString(),
    });
  });
}

export function seedLogs(now, key) {
  const rng = random(Number.parseInt(key.token.slice(0, 7), 16));
  return Array.from({ length: 40 }, (_, index) => {
    const { model_name, model_info } = models[Math.floor(rng() * 8)];
    const prompt = Math.floor(200 + rng() * 6000);
    const failed = rng() < 0.08;
    const completion = failed ? 0 : Math.floor(20 + rng() * 1500);
    const start = now - (index * 17 + rng() * 15) * 60_000;
    const ms = Math.floor(300 + rng() * 9000);
    const price = (n, each) => n * (each ?? 0);
    return {
      request_id: `chatcmpl-${hex(rng, 20)}`,
      event_id: hex(rng, 16),
      metadata: failed
        ? { outcome: rng() < 0.5 ? "upstream_error" : "cancelled", error_information: { error_message: "overloaded" } }
        : { outcome: "success" },
      api_key: key.token,
      model: model_name,
      model_group: model_name,
      spend: failed ? 0 : price(prompt, model_info.input_cost_per_token) + price(completion, model_info.output_cost_per_token),
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      startTime: new Date(start).toISOString(),
      endTime: new Date(start + ms).toISOString(),
      completionStartTime: new Date(start + ms / 5).toISOString(),
      request_duration_ms: ms,
      status: failed ? "failure" : "success",
      call_type: "acompletion",
    };
  });
}
