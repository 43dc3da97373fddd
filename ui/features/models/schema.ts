import type { components } from "@/lib/api/schema";
import { parseChoice, type UrlCodec } from "@/lib/url-state";

type Wire = components["schemas"]["ModelView"];

export interface Model {
  /** Deployment id. */
  id: string;
  /** The name that clients ask for. */
  name: string;
  /** The provider's own name of it. */
  upstream: string;
  provider: string;
  mode: string;
  /** US dollars per token; `null` when no price is known. */
  inputPrice: number | null;
  outputPrice: number | null;
  cacheReadPrice: number | null;
  context: number | null;
  outputMax: number | null;
  abilities: string[];
}

/** A price among the facts that the price book adds; US dollars per token. */
function price(fact: unknown): number | null {
  return typeof fact === "number" ? fact : null;
}

const MODE_LABELS: Record<string, string> = {
  chat: "Chat",
  completion: "Completion",
  embedding: "Embedding",
  responses: "Responses",
  image_generation: "Image",
  audio_transcription: "Transcription",
  audio_speech: "Speech",
  rerank: "Rerank",
  moderation: "Moderation",
};

export function modeLabel(mode: string): string {
  return MODE_LABELS[mode] ?? mode;
}

export function toModel(wire: Wire): Model {
  const info = wire.model_info;
  return {
    id: info.id,
    name: wire.model_name,
    upstream: `${info.litellm_provider}/${info.key}`,
    provider: info.litellm_provider,
    mode: info.mode ?? "",
    inputPrice: info.input_cost_per_token ?? null,
    outputPrice: info.output_cost_per_token ?? null,
    cacheReadPrice: price(info.cache_read_input_token_cost),
    context: info.max_input_tokens ?? null,
    outputMax: info.max_output_tokens ?? null,
    abilities: [
      info.supports_vision ? "Vision" : "",
      info.supports_function_calling ? "Tools" : "",
      info.supports_reasoning ? "Reasoning" : "",
    ].filter(Boolean),
  };
}

export const ANY_PROVIDER = "any";
export const SORTS = ["name", "provider", "input", "output", "context"] as const;
export type ModelSort = (typeof SORTS)[number];

export interface ModelFilters {
  search: string;
  provider: string;
  sort: ModelSort;
  order: "asc" | "desc";
}

export const modelCodec: UrlCodec<ModelFilters> = {
  parse: (params) => ({
    search: params.get("q") ?? "",
    provider: params.get("provider") ?? ANY_PROVIDER,
    sort: parseChoice(params.get("sort"), SORTS, "name"),
    order: parseChoice(params.get("order"), ["asc", "desc"], "asc"),
  }),
  write: ({ search, provider, sort, order }) => ({
    q: search,
    provider: provider === ANY_PROVIDER ? undefined : provider,
    sort: sort === "name" ? undefined : sort,
    order: order === "asc" ? undefined : order,
  }),
};

const SORT_VALUES: Record<ModelSort, (model: Model) => string | number | null> = {
  name: (model) => model.name,
  provider: (model) => model.provider,
  input: (model) => model.inputPrice,
  output: (model) => model.outputPrice,
  context: (model) => model.context,
};

/** What a filter leaves, in its order; models without the sorted figure come last either way. */
export function selectModels(models: Model[], filters: ModelFilters): Model[] {
  const words = filters.search.toLowerCase().split(/\s+/).filter(Boolean);
  const valueOf = SORT_VALUES[filters.sort];
  const sign = filters.order === "asc" ? 1 : -1;
  return models
    .filter((model) => filters.provider === ANY_PROVIDER || model.provider === filters.provider)
    .filter((model) => {
      const text = `${model.name} ${model.upstream} ${model.provider}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((left, right) => {
      const a = valueOf(left);
      const b = valueOf(right);
      if (a === b) return left.name.localeCompare(right.name);
      if (a === null) return 1;
      if (b === null) return -1;
      return sign * (typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b));
    });
}

export function providersOf(models: Model[]): string[] {
  return [...new Set(models.map((model) => model.provider))].sort();
}
