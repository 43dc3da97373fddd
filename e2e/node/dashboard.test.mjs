// The dashboard in headless Chromium: sign in, make a key, chat in the playground, see what it cost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";

const { BULKHEAD_URL: url, BULKHEAD_PASSWORD: password, E2E_SCREENSHOTS: screenshots } = process.env;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

test("sign in, make a key, chat in the playground, see the spend", { timeout: 90_000 }, async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ARGUMENTS });
  const problems = [];
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => problems.push(String(error)));
    const at = (id) => page.getByTestId(id);
    const picture = async (name) => screenshots && page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
    try {
      await page.goto(`${url}/`);
      await at("login-username").fill("admin");
      await at("login-password").fill("not the password");
      await at("login-submit").click();
      await page.getByText(/invalid|incorrect|wrong|not (right|accepted)|do(es)? not match/i).first().waitFor();
      await at("login-password").fill(password);
      await at("login-submit").click();
      await at("nav-overview").waitFor();
      await picture("overview");

      await at("nav-keys").click();
      await at("key-create").first().click();
      await at("key-alias").fill("made in a browser");
      await at("key-budget").fill("5");
      await at("key-submit").click();
      const secret = (await at("key-secret").evaluate((element) => element.value ?? element.textContent)).trim();
      assert.match(secret, /^sk-[A-Za-z0-9_-]{20,}$/);
      await picture("key-secret");
      await at("key-done").click();
      await page.getByTestId("key-row").filter({ hasText: "made in a browser" }).waitFor();
      assert.ok(!(await page.content()).includes(secret), "the key is shown once");

      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "priced", messages: [{ role: "user", content: "<<script in=1000000 out=0>>hi" }] }),
      });
      assert.equal(answer.status, 200, await answer.text());

      await at("nav-models").click();
      await page.getByText("demo").first().waitFor();
      await picture("models");

      await at("nav-playground").click();
      await choose(page, at("playground-model"), "demo");
      await at("playground-input").fill("hello from a browser");
      await at("playground-send").click();
      for (const figure of ["tokens", "ttft", "cost"]) await at(`playground-${figure}`).last().filter({ hasText: /\d/ }).waitFor();
      assert.ok((await at("playground-answer").last().textContent()).trim().length > 5);
      await picture("playground");

      await at("nav-keys").click();
      await page.getByTestId("key-row").filter({ hasText: "made in a browser" }).click();
      await shows(page, "key-spend", /3\.00/);
      await picture("key");

      await page.keyboard.press("Escape");
      await at("nav-overview").click();
      await shows(page, "overview-requests", /[1-9]/);
      await shows(page, "overview-spend", /3\.00/);
      await picture("overview-after");

      await at("nav-usage").click();
      await shows(page, "usage-spend", /3\.00/);
      await page.getByTestId("usage-group").first().waitFor();
      await picture("usage");
      await at("usage-by").click();
      await page.getByRole("option", { name: "Key", exact: true }).click();
      await page.getByTestId("usage-group").filter({ hasText: "made in a browser" }).first().waitFor();
    } catch (error) {
      await picture("failure");
      const words = (await page.innerText("body").catch(() => "")).slice(0, 1500);
      error.message += `\non ${page.url()}:\n${words}`;
      throw error;
    }
    assert.deepEqual(problems, [], "errors on the page");
  } finally {
    await browser.close();
  }
});

test("an invited user sets a password with the link, once", { timeout: 60_000 }, async () => {
  const call = async (path, body) => {
    const headers = { authorization: `Bearer ${password}`, "content-type": "application/json" };
    const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  };
  await call("/user/new", { user_id: "ada", user_email: "ada@x.example" });
  const { invitation_link: link } = await call("/invitation/new", { user_id: "ada" });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ARGUMENTS });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(new URL(link, url).href);
    await page.getByTestId("invitation-password").fill("a long password");
    if (screenshots) await page.screenshot({ path: `${screenshots}/invitation.png` });
    await page.getByTestId("invitation-submit").click();
    await page.getByTestId("nav-overview").waitFor();
    await page.goto(new URL(link, url).href);
    await page.getByTestId("invitation-refused").waitFor();

    const other = await (await browser.newContext()).newPage();
    other.setDefaultTimeout(15_000);
    await other.goto(`${url}/`);
    await other.getByTestId("login-username").fill("ADA@x.example");
    await other.getByTestId("login-password").fill("a long password");
    await other.getByTestId("login-submit").click();
    await other.getByTestId("nav-overview").waitFor();
  } finally {
    await browser.close();
  }
});

/** Chooses in a native select or in a list that opens on a click. */
async function choose(page, element, value) {
  if ((await element.evaluate((found) => found.tagName)) === "SELECT") {
    await element.selectOption(value);
    return;
  }
  if ((await element.evaluate((found) => found.tagName)) === "INPUT") {
    await element.fill(value);
    return;
  }
  await element.click();
  await page.getByRole("option", { name: value, exact: true }).first().click();
}

/** Waits until a figure has arrived; the ledger is a moment behind the answer, so the page is asked again. */
async function shows(page, id, pattern) {
  for (let tries = 0; tries < 15; tries += 1) {
    const element = page.getByTestId(id).first();
    await element.waitFor();
    try {
      await page.waitForFunction(
        ([id, source]) => new RegExp(source).test(document.querySelector(`[data-testid="${id}"]`)?.textContent ?? ""),
        [id, pattern.source],
        { timeout: 1_000 },
      );
      return;
    } catch {
      await page.reload();
    }
  }
  assert.match(await page.getByTestId(id).first().textContent(), pattern);
}
