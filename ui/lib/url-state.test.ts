import { expect, it } from "vitest";
import { keyCodec } from "@/features/keys/schema";
import { parsePage, withState } from "./url-state";

const defaults = keyCodec.parse(new URLSearchParams());

it("leaves no trace of defaults and keeps what is not its own", () => {
  expect(withState(keyCodec, "", defaults)).toBe("");
  expect(withState(keyCodec, "?page=3&other=1", { ...defaults, search: "a b" })).toBe("?other=1&q=a+b");
});

it("reads back what it wrote", () => {
  const state = { ...defaults, search: "x&y=z", page: 4, sort: "spend" as const, open: "abc", creating: true };
  expect(keyCodec.parse(new URLSearchParams(withState(keyCodec, "", state)))).toEqual(state);
});

it("takes nonsense in the address for the default", () => {
  for (const text of [null, "", "0", "-2", "1.5", "NaN", "1e400"]) expect(parsePage(text)).toBe(1);
  expect(keyCodec.parse(new URLSearchParams("sort=drop+table&order=up")).sort).toBe("created_at");
});
