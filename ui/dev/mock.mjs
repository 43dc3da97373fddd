// A stand-in for Bulkhead, for work on the dashboard alone: serves `out/` and answers the calls the dashboard makes
// from made-up data in memory. `npm run build && npm run mock`, or `npm run mock` next to `npm run dev`.
// Environment: PORT (4000), EMPTY=1 (a fresh installation), SLOW_MS (delays every API answer).
import { createServer } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { extname, join, normalize } from "node:path";
import { makeKey, models, random, seedKeys, seedLogs } from "./seed.mjs";
import { overview } from "./overview.mjs";
import { usage } from "./usage.mjs";

const PORT = Number(process.env.PORT ?? 4000);
const SLOW_MS = Number(process.env.SLOW_MS ?? 0);
const EMPTY = process.env.EMPTY === "1";
const OUT = fileURLToPath(new URL("../out", import.meta.url));
const PASSWORD = "sk-mock-master";
const SESSION = "session-of-the-mock";
const rng = random(99);
const keys = EMPTY ? [] : seedKeys(Date.now(), 57);
const calls = new Map();

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const find = (hash) => keys.find((key) => key.token === hash);
const refusal = (status, message, type = "invalid_request_error") => ({ status, body: { error: { message, type, param: null, code: String(status) } } });
const ok = (body, headers = {}) => ({ status: 200, body, headers });

function listKeys(query) {
  const size = Number(query.get("size") ?? 10);
  const page = Number(query.get("page") ?? 1);
  const search = (query.get("search") ?? "").toLowerCase();
  const by = query.get("sort_by") ?? "created_at";
  const sign = query.get("sort_order") === "asc" ? 1 : -1;
  const found = keys
    .filter((key) => key.key_alias.toLowerCase().includes(search))
    .sort((a, b) => sign * (a[by] > b[by] ? 1 : -1));
  return ok({
    keys: found.slice((page - 1) * size, page * size),
    total_count: found.length,
    current_page: page,
    total_pages: Math.max(1, Math.ceil(found.length / size)),
  });
}

function generate(body) {
  if (keys.some((key) => key.key_alias === body.key_alias)) {
    return refusal(400, `Key with alias '${body.key_alias}' already exists. Unique key aliases are required.`);
  }
  const days = Number.parseInt(body.duration ?? "0", 10);
  const row = makeKey(rng, body.key_alias, Date.now(), {
    models: body.models ?? [],
    max_budget: body.max_budget ?? null,
    metadata: body.metadata ?? {},
    expires: days ? new Date(Date.now() + days * 86_400_000).toISOString() : null,
  });
  keys.unshift(row);
  return ok({ ...row, token_id: row.token, key: `sk-${row.token.slice(0, 22)}` });
}

function update({ key, duration, ...fields }) {
  const row = find(key);
  if (!row) return refusal(404, "Key not found.");
  if (duration === null) row.expires = null;
  if (duration) row.expires = new Date(Date.now() + Number.parseInt(duration, 10) * 86_400_000).toISOString();
  return ok({ ...Object.assign(row, fields), key });
}

function setBlocked(body, blocked) {
  const row = find(body.key);
  if (!row) return refusal(404, "Key not found.");
  row.blocked = blocked;
  return ok(row);
}

function remove(body) {
  for (const hash of body.keys) keys.splice(keys.findIndex((key) => key.token === hash), 1);
  return ok({ deleted_keys: body.keys });
}

function logs(query) {
  const id = query.get("request_id");
  if (id) return ok(calls.has(id) ? [calls.get(id)] : []);
  const row = find(query.get("api_key"));
  return ok(row && row.spend > 0 ? seedLogs(Date.now(), row) : []);
}

const ROUTES = {
  "GET /analytics/overview": ({ query }) => ok(overview(Date.now(), query.get("period") ?? "24h", EMPTY, keys)),
  "GET /analytics/usage": ({ query }) => ok(usage(query, EMPTY)),
  "GET /session": () => ok({ user_id: "default_user_id", user_role: "proxy_admin", expires_at: "2099-01-01T00:00:00Z" }),
  "GET /key/list": ({ query }) => listKeys(query),
  "GET /key/info": ({ query }) => {
    const row = find(query.get("key"));
    return row ? ok({ key: row.token, info: row }) : refusal(404, "Key not found.", "not_found_error");
  },
  "POST /key/generate": ({ body }) => generate(body),
  "POST /key/update": ({ body }) => update(body),
  "POST /key/block": ({ body }) => setBlocked(body, true),
  "POST /key/unblock": ({ body }) => setBlocked(body, false),
  "POST /key/delete": ({ body }) => remove(body),
  "GET /model/info": () => ok({ data: models }),
  "GET /spend/logs": ({ query }) => logs(query),
  "POST /session/key": () => ok({ key: "sk-mock-session", expires: null }),
  "POST /session/logout": () => ok({}, { "set-cookie": "bulkhead_session=; Path=/; Max-Age=0" }),
};

const OPEN_ROUTES = {
  "GET /health/liveliness": () => ok("I'm alive!"),
  "GET /v1/models": () => ok({ object: "list", data: models.map((row) => ({ id: row.model_name, object: "model" })) }),
  "POST /v2/login": ({ body }) =>
    body.username === "admin" && body.password === PASSWORD
      ? ok({ redirect_url: "/ui/" }, { "set-cookie": `bulkhead_session=${SESSION}; Path=/; HttpOnly; SameSite=Lax` })
      : refusal(401, "Invalid credentials.", "auth_error"),
};

const ANSWER = `A bulkhead is an upright wall inside a ship's hull. It divides the hull into **watertight compartments**, so that a breach floods one of them and not the ship.

In software the pattern is the same: give each part its own pool of threads, connections and memory.

\`\`\`rust
let control = Pool::new(4);   // may be exhausted
let data = Pool::new(64);     // never notices
\`\`\`

Whatever happens to the first, the second keeps answering.`;

async function chat(body, response, signal) {
  const id = `call-${Math.floor(rng() * 1e9)}`;
  if (body.model === "mistral-large") {
    const error = { message: "MistralException - Rate limit reached for requests. Try again in 12s.", type: "throttling_error", code: "429" };
    response.writeHead(429, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "x-litellm-call-id": id });
  const send = (chunk) => response.write(`data: ${JSON.stringify({ id, object: "chat.completion.chunk", ...chunk })}\n\n`);
  await wait(320);
  for (const piece of ANSWER.match(/[\s\S]{1,9}/g)) {
    if (signal.aborted) return;
    send({ choices: [{ index: 0, delta: { content: piece } }] });
    await wait(12);
  }
  const prompt = Math.ceil(JSON.stringify(body.messages).length / 4);
  send({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: 118, total_tokens: prompt + 118 } });
  response.end("data: [DONE]\n\n");
  const info = models.find((row) => row.model_name === body.model)?.model_info;
  const spend = prompt * (info?.input_cost_per_token ?? 0) + 118 * (info?.output_cost_per_token ?? 0);
  setTimeout(() => calls.set(id, { request_id: id, spend }), 1500).unref();
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain" };

async function file(path, response) {
  const place = join(OUT, normalize(decodeURIComponent(path)));
  if (!place.startsWith(OUT)) return response.writeHead(400).end();
  const found = await stat(place).catch(() => null);
  if (found?.isDirectory() && !path.endsWith("/")) return response.writeHead(308, { location: `${path}/` }).end();
  const target = found?.isDirectory() ? join(place, "index.html") : place;
  const data = await readFile(target).catch(() => null);
  if (!data) return response.writeHead(404, { "content-type": "text/html" }).end(String(await readFile(join(OUT, "404.html")).catch(() => "")).replaceAll("/__bulkhead_prefix__", ""));
  const type = TYPES[extname(target)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type }).end(type.startsWith("text/") ? String(data).replaceAll("/__bulkhead_prefix__", "") : data);
}

async function readJson(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

async function answer(request, response) {
  const url = new URL(request.url, "http://mock");
  const name = `${request.method} ${url.pathname}`;
  const body = request.method === "POST" ? await readJson(request) : {};
  if (name === "POST /v1/chat/completions") {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    return chat(body, response, gone.signal);
  }
  const route = ROUTES[name] ?? OPEN_ROUTES[name];
  if (!route) return file(url.pathname, response);
  if (SLOW_MS) await wait(SLOW_MS);
  const signedIn = (request.headers.cookie ?? "").includes(SESSION);
  const result = route === ROUTES[name] && !signedIn ? refusal(401, "Not signed in.", "auth_error") : route({ query: url.searchParams, body });
  response.writeHead(result.status, { "content-type": "application/json", ...result.headers }).end(JSON.stringify(result.body));
}

createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
}).listen(PORT, "127.0.0.1", () => console.log(`mock: http://127.0.0.1:${PORT}/ui/ (admin, ${PASSWORD})`));
