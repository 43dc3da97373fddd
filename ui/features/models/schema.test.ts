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

it("names the provider, stated or by the prefix of the model", () => {
  const wire = { model_name: "a", litellm_params: { model: "groq/llama" }, model_info: { id: "1" } };
  expect(toModel(wire).provider).toBe("groq");
  expect(toModel({ ...wire, model_info: { id: "1", litellm_provider: "x" } }).provider).toBe("x");
  expect(toModel({ ...wire, litellm_params: { model: "gpt-5" } }).provider).toBe("–");
});
