import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { renderAt } from "@/test/render";
import { refuse, serve } from "@/test/server";
import { LoginForm } from "./form";

async function signIn(password: string, onSignedIn: () => void) {
  const { user } = renderAt("/ui/login/", <LoginForm onSignedIn={onSignedIn} />);
  await user.type(screen.getByTestId("login-password"), password);
  await user.click(screen.getByTestId("login-submit"));
}

it("signs in with what was typed", async () => {
  const asked = serve({ "POST /v2/login": () => ({ redirect_url: "/ui/" }) });
  const onSignedIn = vi.fn();
  await signIn("sk-master", onSignedIn);
  await vi.waitFor(() => expect(onSignedIn).toHaveBeenCalledOnce());
  expect(asked[0]?.body).toEqual({ username: "admin", password: "sk-master" });
});

it("says why it did not work", async () => {
  serve({ "POST /v2/login": () => refuse(401, "Invalid credentials") });
  const onSignedIn = vi.fn();
  await signIn("wrong", onSignedIn);
  expect((await screen.findByRole("alert")).textContent).toBe("Wrong username or password.");
  expect(onSignedIn).not.toHaveBeenCalled();
});

it("says how long to wait", async () => {
  serve({ "POST /v2/login": () => refuse(429, "throttled", { "retry-after": "30" }) });
  await signIn("wrong", vi.fn());
  expect((await screen.findByRole("alert")).textContent).toContain("in 30 seconds");
});
