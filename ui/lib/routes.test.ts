import { expect, it } from "vitest";
import { afterLogin, loginUrl } from "./routes";

it("comes back to where a visitor wanted to go", () => {
  const next = "/ui/keys/?q=a&page=2";
  const params = new URL(loginUrl(next), "http://host").searchParams;
  expect(afterLogin(params.get("next"))).toBe(next);
});

it("never leads to another site", () => {
  for (const next of [null, "https://evil.example", "//evil.example", "/ui//evil.example", "/ui/\\evil", "/key/list"]) {
    expect(afterLogin(next)).toBe("/ui/");
  }
});
