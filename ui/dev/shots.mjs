// Screenshots of every room against the mock server: light and dark, desktop and mobile, into dev/shots/.
// Environment: URL (http://127.0.0.1:4000), CHROMIUM (/usr/bin/chromium), ONLY (a word that the name must contain).
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const URL_BASE = process.env.URL ?? "http://127.0.0.1:4000";
const ONLY = process.env.ONLY ?? "";
const DIR = fileURLToPath(new URL("./shots", import.meta.url));
const SIZES = { desktop: { width: 1360, height: 860 }, mobile: { width: 390, height: 844 } };

const open = (path) => async (page) => {
  await page.goto(URL_BASE + path);
  await page.waitForLoadState("networkidle");
};

const ROOMS = {
  overview: open("/ui/"),
  "overview-week": open("/ui/?metric=errors&period=7d"),
  usage: open("/ui/usage/"),
  "usage-teams": open("/ui/usage/?by=team&range=12m&metric=requests"),
  keys: open("/ui/keys/"),
  "key-detail": async (page) => {
    await open("/ui/keys/?sort=spend")(page);
    await page.getByTestId("key-row").nth(1).getByRole("button").first().click();
    await page.getByTestId("call-row").first().waitFor();
  },
  "key-create": async (page) => {
    await open("/ui/keys/?create=1")(page);
    await page.getByTestId("key-models").click();
    await page.getByRole("option", { name: "claude-haiku" }).click();
    await page.keyboard.press("Escape");
  },
  "key-secret": async (page, tag) => {
    await open("/ui/keys/?create=1")(page);
    await page.getByTestId("key-alias").fill(`billing-${tag}`);
    await page.getByTestId("key-budget").fill("25");
    await page.getByTestId("key-submit").click();
    await page.getByTestId("key-secret").waitFor();
  },
  "key-edit": async (page) => {
    await open("/ui/keys/")(page);
    await page.getByTestId("key-actions").nth(2).click();
    await page.getByTestId("key-edit").click();
  },
  "key-delete": async (page) => {
    await open("/ui/keys/")(page);
    await page.getByTestId("key-actions").first().click();
    await page.getByTestId("key-delete").click();
  },
  models: open("/ui/models/"),
  "playground-empty": open("/ui/playground/"),
  playground: async (page) => {
    await open("/ui/playground/?model=claude-sonnet")(page);
    await page.getByTestId("playground-input").fill("What is a bulkhead, and why name a gateway after it?");
    await page.getByTestId("playground-send").click();
    await page.getByTestId("playground-cost").filter({ hasNotText: "≈" }).waitFor({ timeout: 20_000 });
  },
  "playground-error": async (page) => {
    await open("/ui/playground/?model=mistral-large")(page);
    await page.getByTestId("playground-input").fill("Hello?");
    await page.getByTestId("playground-send").click();
    await page.getByTestId("playground-error").waitFor();
  },
  palette: async (page) => {
    await open("/ui/models/")(page);
    await page.keyboard.press("Control+k");
  },
};

await mkdir(DIR, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    const tag = `${size}-${colorScheme}`;
    const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
    page.on("console", (message) => message.type() === "error" && console.log(tag, message.text()));
    page.on("pageerror", (error) => console.log(tag, String(error)));
    const shoot = (name) => page.screenshot({ path: `${DIR}/${name}-${tag}.png`, animations: "disabled" });
    await open("/ui/login/")(page);
    if ("login".includes(ONLY)) await shoot("login");
    await page.getByTestId("login-password").fill("sk-mock-master");
    await page.getByTestId("login-submit").click();
    await page.getByTestId("overview-spend").or(page.getByText("No requests yet")).first().waitFor();
    for (const [name, visit] of Object.entries(ROOMS)) {
      if (!name.includes(ONLY)) continue;
      await visit(page, tag).catch((error) => console.log(tag, name, String(error).split("\n")[0]));
      await shoot(name);
    }
    await page.close();
  }
}
await browser.close();
