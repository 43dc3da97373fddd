import { ApiError, networkError, responseError, toApiError } from "@/lib/api/error";
import { under } from "@/lib/prefix";
import { readEvents } from "@/lib/sse";
import type { ChatBody, Metrics, TokenCount } from "./schema";

export interface Delta {
  text: string;
  reasoning: string;
}

interface Chunk {
  delta: Delta;
  tokens: TokenCount | null;
}

type Json = Record<string, unknown>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function readUsage(usage: unknown): TokenCount | null {
  if (typeof usage !== "object" || usage === null) return null;
  const fields = object(usage);
  return {
    input: number(fields.prompt_tokens),
    output: number(fields.completion_tokens),
    cached: number(object(fields.prompt_tokens_details).cached_tokens),
  };
}

/** One event of a streamed chat completion. An error in the middle of the stream is thrown. */
export function readChunk(data: string): Chunk {
  let parsed: Json;
  try {
    parsed = object(JSON.parse(data));
  } catch {
    throw new ApiError(200, "The answer contains an event that is not JSON.");
  }
  if (parsed.error !== undefined) throw toApiError(Number(object(parsed.error).code) || 200, parsed);
  const choices = Array.isArray(parsed.choices) ? parsed.choices : [];
  const delta = object(object(choices[0]).delta);
  return {
    delta: { text: text(delta.content), reasoning: text(delta.reasoning_content) || text(delta.reasoning) },
    tokens: readUsage(parsed.usage),
  };
}

interface StreamOptions {
  body: ChatBody;
  key: string;
  signal: AbortSignal;
  onDelta: (delta: Delta) => void;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** Asks the gateway as any client would, and measures what a client would see. */
export async function streamChat({ body, key, signal, onDelta, now }: StreamOptions): Promise<Metrics> {
  const start = now();
  const response = await fetch(under("/v1/chat/completions"), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    // the session's cookie stays out of it: the key alone decides what is allowed
    credentials: "omit",
    body: JSON.stringify(body),
    signal,
  }).catch((cause: unknown) => {
    throw signal.aborted ? cause : networkError(cause);
  });
  if (!response.ok) throw await responseError(response);
  if (!response.body) throw new ApiError(response.status, "The answer has no body.");

  let tokens: TokenCount | null = null;
  let firstTokenMs: number | null = null;
  for await (const data of readEvents(response.body)) {
    if (data === "[DONE]") break;
    const chunk = readChunk(data);
    tokens = chunk.tokens ?? tokens;
    if (chunk.delta.text === "" && chunk.delta.reasoning === "") continue;
    firstTokenMs ??= now() - start;
    onDelta(chunk.delta);
  }
  return { tokens, firstTokenMs, totalMs: now() - start, callId: response.headers.get("x-litellm-call-id") };
}
