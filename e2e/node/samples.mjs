// Requests that both SDKs' tests send; the same as in harness/samples.py.
export function environment() {
  const { BULKHEAD_URL: url, BULKHEAD_KEY: key } = process.env;
  if (!url || !key) throw new Error("BULKHEAD_URL and BULKHEAD_KEY say where to and as whom");
  return { url, key };
}

export const PNG_BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const PNG_BYTES = Buffer.from(PNG_BASE64, "base64").length;
export const IMAGE_URL = "https://example.com/cat.png";

const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
export const OPENAI_TOOL = {
  type: "function",
  function: { name: "get_weather", description: "The weather in a city", parameters: PARAMETERS },
};
export const ANTHROPIC_TOOL = { name: "get_weather", description: "The weather in a city", input_schema: PARAMETERS };
// What the scripted provider calls the tool with.
export const CALLS = [{ city: "Paris", days: 7 }, { city: 'London, "UK"', days: 8 }];

export const PERSON_SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" }, happy: { type: "boolean" } },
  required: ["name", "age", "happy"],
  additionalProperties: false,
};
export const PERSON = { name: "text é\u{1F600}", age: 7, happy: true };
