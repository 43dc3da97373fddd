import { expect, it } from "vitest";
import { ANY_PROVIDER, providersOf, selectModels, toModel, type Model } from "./schema";

function model(name: string, patch: Partial<Model> = {}): Model {
  return {
    id: name,
    name,
    upstream: name,
    provider: "openai",
    mode: "chat",
    inputPrice: null,
    outputPrice: null,
    cacheReadPrice: null,
    context: null,
    outputMax: null,
    abilities: [],
    ...patch,
  };
}

const filters = { search: "", provider: ANY_PROVIDER, sort: "input", order: "asc" } as const;
const MODELS = [
  model("unpriced"),
  model("dear", { inputPrice: 5 }),
  model("cheap", { inputPrice: 1, provider: "groq" }),
];
const names = (models: Model[]) => models.map(({ name }) => name);

it("sorts, with what has no price last either way", () => {
  expect(names(selectModels(MODELS, filters))).toEqual(["cheap", "dear", "unpriced"]);
  expect(names(selectModels(MODELS, { ...filters, order: "desc" }))).toEqual(["dear", "cheap", "unpriced"]);
});

it("finds by every word and by provider", () => {
  expect(names(selectModels(MODELS, { ...filters, search: "groq CHE" }))).toEqual(["cheap"]);
  expect(names(selectModels(MODELS, { ...filters, provider: "openai" }))).toEqual(["dear", "unpriced"]);
  expect(providersOf(MODELS)).toEqual(["groq", "openai"]);
});

it("reads what the price book adds, and does without", () => {
  const info = { id: "1", db_model: false, litellm_provider: "groq", key: "llama" };
  const wire = { model_name: "a", litellm_params: {}, model_info: info };
  expect(toModel(wire)).toMatchObject({ upstream: "groq/llama", inputPrice: null, abilities: [], mode: "" });
  const known = { ...info, mode: "chat", cache_read_input_token_cost: 1e-7, supports_vision: true };
  expect(toModel({ ...wire, model_info: known })).toMatchObject({ cacheReadPrice: 1e-7, abilities: ["Vision"] });
});
