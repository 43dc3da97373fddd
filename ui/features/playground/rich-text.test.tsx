import { render } from "@testing-library/react";
import { expect, it } from "vitest";
import { RichText, splitBlocks } from "./rich-text";

it("sets code apart, also while its fence is still open", () => {
  expect(splitBlocks("before\n```rust\nlet a = 1;\n```\nafter\n```\nopen")).toEqual([
    { kind: "text", language: "", text: "before" },
    { kind: "code", language: "rust", text: "let a = 1;" },
    { kind: "text", language: "", text: "after" },
    { kind: "code", language: "", text: "open" },
  ]);
});

it("never makes elements of an answer's HTML", () => {
  const { container } = render(<RichText text={'**bold** `code` <img src=x onerror="alert(1)">'} />);
  expect(container.querySelector("img")).toBeNull();
  expect(container.querySelector("strong")?.textContent).toBe("bold");
  expect(container.textContent).toContain("<img src=x");
});
