import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { renderAt } from "@/test/render";
import { refuse, serve } from "@/test/server";
import { OnboardingView } from "./onboarding";
import { SessionGate } from "./session-gate";

const PAGE = "/ui/onboarding/?invitation_id=the-link";
const opened = { login_url: "/ui/", token: "the-token", user_id: "ada", user_email: "ada@x.example" };

it("sets the password of whoever is invited", async () => {
  const asked = serve({ "GET /onboarding/get_token": () => opened, "POST /onboarding/claim_token": () => ({ login_url: "/ui/" }) });
  const { user } = renderAt(PAGE, <OnboardingView />);
  await user.type(await screen.findByTestId("invitation-password"), "long enough");
  await user.click(screen.getByTestId("invitation-submit"));
  await vi.waitFor(() => expect(window.location.pathname).toBe("/ui/"));
  expect(asked[0]?.query.get("invite_link")).toBe("the-link");
  expect(asked[1]?.headers.get("authorization")).toBe("Bearer the-token");
  expect(asked[1]?.body).toEqual({ invitation_link: "the-link", user_id: "ada", password: "long enough" });
});

it("says that a link is used up", async () => {
  serve({ "GET /onboarding/get_token": () => refuse(401, "This invitation was used already.") });
  renderAt(PAGE, <OnboardingView />);
  expect((await screen.findByRole("alert")).textContent).toContain("This invitation was used already.");
});

it("is where the link of an invitation leads, whoever is signed in", async () => {
  serve({});
  renderAt("/ui/?invitation_id=the-link", <SessionGate>a room</SessionGate>);
  await vi.waitFor(() => expect(window.location.pathname + window.location.search).toBe(PAGE));
});
