import { screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";
import { renderAt } from "@/test/render";
import { events, refuse, serve } from "@/test/server";
import { PlaygroundView } from "./view";

const BASE = {
  "POST /session/key": () => ({ key: "sk-session" }),
  "GET /v1/models": () => ({ data: [{ id: "demo" }, { id: "openai/*" }] }),
  "GET /model/info": () => ({ data: [] }),
  "GET /spend/logs": () => [{ request_id: "call-1", spend: 0.000123 }],
};

it("streams an answer with the session's key, and shows what it took", async () => {
  const asked = serve({
    ...BASE,
    "POST /v1/chat/completions": () =>
      events(
        '{"choices":[{"delta":{"content":"Ahoy"}}]}',
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}',
        "[DONE]",
      ),
  });
  const { user } = renderAt("/ui/playground/", <PlaygroundView />);
  await waitFor(() => expect(screen.getByTestId("playground-model").textContent).toBe("demo"));
  await user.type(screen.getByTestId("playground-input"), "hello{Enter}");
  expect((await screen.findByTestId("playground-answer")).textContent).toBe("Ahoy");
  expect((await screen.findByTestId("playground-tokens")).textContent).toBe("9 in · 3 out");
  await waitFor(() => expect(screen.getByTestId("playground-cost").textContent).toBe("$0.000123"));
  expect(screen.getByTestId("playground-ttft").textContent).toMatch(/\d+.* ms$/);
  const sent = asked.find(({ name }) => name === "POST /v1/chat/completions");
  expect(sent?.headers.get("authorization")).toBe("Bearer sk-session");
});

it("shows a refusal where the answer would be, and goes on", async () => {
  serve({ ...BASE, "POST /v1/chat/completions": () => refuse(401, "key may not call this model") });
  const { user } = renderAt("/ui/playground/?model=demo", <PlaygroundView />);
  await waitFor(() => expect(screen.getByText(/^Enter sends/)).toBeTruthy());
  await user.type(screen.getByTestId("playground-input"), "hello{Enter}");
  expect((await screen.findByTestId("playground-error")).textContent).toContain("key may not call this model");
  expect(screen.getByTestId("playground-send")).toBeTruthy();
});

it("takes a new session key when the old one has run out", async () => {
  let given = 0;
  const asked = serve({
    ...BASE,
    "POST /session/key": () => ({ key: `sk-${++given}` }),
    "POST /v1/chat/completions": ({ headers }) =>
      headers.get("authorization") === "Bearer sk-1"
        ? refuse(401, "expired key")
        : events('{"choices":[{"delta":{"content":"Ahoy"}}]}', "[DONE]"),
  });
  const { user } = renderAt("/ui/playground/?model=demo", <PlaygroundView />);
  await waitFor(() => expect(screen.getByText(/^Enter sends/)).toBeTruthy());
  await user.type(screen.getByTestId("playground-input"), "hello{Enter}");
  expect((await screen.findByTestId("playground-answer")).textContent).toBe("Ahoy");
  expect(asked.filter(({ name }) => name === "POST /v1/chat/completions")).toHaveLength(2);
});
