import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { components } from "@/lib/api/schema";
import { renderAt } from "@/test/render";
import { refuse, serve } from "@/test/server";
import { KeysView } from "./view";

type KeyView = components["schemas"]["KeyView"] & { token: string };

const ROW: KeyView = {
  token: "a".repeat(64),
  key_name: "sk-...aaaa",
  key_alias: "search-service",
  spend: 1.25,
  max_budget: 5,
  expires: null,
  models: ["gpt-5"],
  metadata: {},
  blocked: false,
  status: "active",
  aliases: {},
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  created_by: "admin",
};

function page(...keys: KeyView[]) {
  return { keys, total_count: keys.length, current_page: 1, total_pages: 1 };
}

describe("the list of keys", () => {
  it("shows each key with its spend and budget", async () => {
    serve({ "GET /key/list": () => page(ROW) });
    renderAt("/ui/keys/", <KeysView />);
    const row = within(await screen.findByTestId("key-row"));
    expect(row.getByText("search-service")).toBeTruthy();
    expect(row.getByText("$1.25")).toBeTruthy();
    expect(row.getByRole("meter").getAttribute("aria-valuenow")).toBe("1.25");
  });

  it("asks for what the address says, and writes the search into it", async () => {
    const asked = serve({ "GET /key/list": () => page(ROW) });
    const { user } = renderAt("/ui/keys/?page=3&sort=spend&order=asc", <KeysView />);
    await screen.findByTestId("key-row");
    expect(Object.fromEntries(asked[0]?.query ?? [])).toMatchObject({ page: "3", sort_by: "spend", sort_order: "asc" });
    await user.type(screen.getByRole("searchbox"), "bot");
    await waitFor(() => expect(window.location.search).toBe("?sort=spend&order=asc&q=bot"));
    await waitFor(() => expect(asked.at(-1)?.query.get("search")).toBe("bot"));
  });

  it("offers a way on when there is nothing, and when the server fails", async () => {
    let broken = true;
    serve({ "GET /key/list": () => (broken ? refuse(500, "DB not connected") : page()) });
    const { user } = renderAt("/ui/keys/", <KeysView />);
    expect((await screen.findByRole("alert")).textContent).toContain("DB not connected");
    broken = false;
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No keys yet")).toBeTruthy();
  });
});

describe("creating a key", () => {
  it("shows the secret once, until it is dismissed on purpose", async () => {
    const asked = serve({
      "GET /key/list": () => page(),
      "GET /model/info": () => ({ data: [] }),
      "POST /key/generate": () => ({ ...ROW, key: "sk-secret" }),
    });
    const { user } = renderAt("/ui/keys/", <KeysView />);
    await user.click(screen.getByTestId("key-create"));
    await user.type(screen.getByTestId("key-alias"), "bot");
    await user.type(screen.getByTestId("key-budget"), "2.50");
    await user.click(screen.getByTestId("key-submit"));
    expect((await screen.findByTestId("key-secret")).textContent).toBe("sk-secret");
    const sent = asked.find(({ name }) => name === "POST /key/generate");
    expect(sent?.body).toEqual({ key_alias: "bot", models: [], max_budget: 2.5 });

    await user.keyboard("{Escape}");
    expect(screen.getByTestId("key-secret")).toBeTruthy();
    await user.click(screen.getByTestId("key-done"));
    await waitFor(() => expect(screen.queryByTestId("key-secret")).toBeNull());
  });

  it("keeps the form when the server refuses", async () => {
    serve({
      "GET /key/list": () => page(),
      "GET /model/info": () => ({ data: [] }),
      "POST /key/generate": () => refuse(400, "alias is taken"),
    });
    const { user } = renderAt("/ui/keys/?create=1", <KeysView />);
    await user.type(await screen.findByTestId("key-alias"), "bot");
    await user.click(screen.getByTestId("key-submit"));
    expect(await screen.findByText("alias is taken")).toBeTruthy();
    expect(screen.getByTestId<HTMLInputElement>("key-alias").value).toBe("bot");
  });
});

it("edits a key with what it has as the start", async () => {
  const asked = serve({
    "GET /key/list": () => page(ROW),
    "GET /model/info": () => ({ data: [] }),
    "POST /key/update": () => ({ ...ROW, key: ROW.token }),
  });
  const { user } = renderAt("/ui/keys/", <KeysView />);
  await user.click(await screen.findByTestId("key-actions"));
  await user.click(await screen.findByTestId("key-edit"));
  const budget = await screen.findByTestId<HTMLInputElement>("key-budget");
  expect(budget.value).toBe("5");
  await user.clear(budget);
  await user.click(screen.getByTestId("key-submit"));
  await waitFor(() => expect(screen.queryByTestId("key-edit-dialog")).toBeNull());
  const sent = asked.find(({ name }) => name === "POST /key/update");
  expect(sent?.body).toMatchObject({ key: ROW.token, key_alias: "search-service", max_budget: null });
});

it("deletes a key only after a question", async () => {
  const keys = [ROW];
  const asked = serve({
    "GET /key/list": () => page(...keys),
    "POST /key/delete": () => ({ deleted_keys: keys.splice(0).map((key) => key.token) }),
  });
  const { user } = renderAt("/ui/keys/", <KeysView />);
  await user.click(await screen.findByTestId("key-actions"));
  await user.click(await screen.findByTestId("key-delete"));
  expect(asked.some(({ name }) => name === "POST /key/delete")).toBe(false);
  await user.click(await screen.findByTestId("key-delete-confirm"));
  expect(await screen.findByText("No keys yet")).toBeTruthy();
  expect(asked.find(({ name }) => name === "POST /key/delete")?.body).toEqual({ keys: [ROW.token] });
});
