import type { UrlCodec } from "@/lib/url-state";

export interface TokenCount {
  input: number;
  output: number;
  /** Part of `input` that the provider had cached. */
  cached: number;
}

export interface Metrics {
  tokens: TokenCount | null;
  /** From sending the request to the first character of an answer. */
  firstTokenMs: number | null;
  totalMs: number;
  /** The gateway's id of the call: its row in the ledger has the exact cost. */
  callId: string | null;
}

export type TurnState = "waiting" | "streaming" | "done" | "stopped" | "failed";

export interface Turn {
  id: number;
  question: string;
  model: string;
  answer: string;
  reasoning: string;
  state: TurnState;
  error: string | null;
  metrics: Metrics | null;
}

export interface PlaygroundFilters {
  model: string;
}

export const playgroundCodec: UrlCodec<PlaygroundFilters> = {
  parse: (params) => ({ model: params.get("model") ?? "" }),
  write: ({ model }) => ({ model }),
};

export interface Settings {
  system: string;
  temperature: string;
  maxTokens: string;
  /** A key pasted by the user; empty means the session's own. */
  pastedKey: string;
}

export const DEFAULT_SETTINGS: Settings = { system: "", temperature: "", maxTokens: "", pastedKey: "" };

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface ChatBody {
  model: string;
  messages: ChatMessage[];
  stream: true;
  stream_options: { include_usage: true };
  temperature?: number;
  max_tokens?: number;
}

/** The conversation so far plus one more question. Turns that brought no answer are left out. */
export function toChatBody(model: string, settings: Settings, turns: Turn[], question: string): ChatBody {
  const system = settings.system.trim();
  const temperature = Number(settings.temperature);
  const maxTokens = Number(settings.maxTokens);
  return {
    model,
    messages: [
      ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
      ...turns
        .filter((turn) => turn.answer !== "")
        .flatMap((turn): ChatMessage[] => [
          { role: "user", content: turn.question },
          { role: "assistant", content: turn.answer },
        ]),
      { role: "user", content: question },
    ],
    stream: true,
    stream_options: { include_usage: true },
    ...(settings.temperature.trim() !== "" && Number.isFinite(temperature) ? { temperature } : {}),
    ...(Number.isSafeInteger(maxTokens) && maxTokens > 0 ? { max_tokens: maxTokens } : {}),
  };
}

interface Prices {
  inputPrice: number | null;
  outputPrice: number | null;
  cacheReadPrice: number | null;
}

/** US dollars by list price, shown until the ledger's exact figure arrives; `null` without a price. */
export function estimateCost(tokens: TokenCount, prices: Prices): number | null {
  if (prices.inputPrice === null || prices.outputPrice === null) return null;
  const cachePrice = prices.cacheReadPrice ?? prices.inputPrice;
  const fresh = Math.max(0, tokens.input - tokens.cached);
  return fresh * prices.inputPrice + tokens.cached * cachePrice + tokens.output * prices.outputPrice;
}
