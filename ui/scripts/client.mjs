// Writes `lib/api/schema.d.ts` from `openapi.json`, or checks that the committed one is what would be written.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const SPEC = new URL("../openapi.json", import.meta.url);
const CLIENT = new URL("../lib/api/schema.d.ts", import.meta.url);
const HEADER = "// Generated from openapi.json by `npm run gen`. Do not edit: a stale copy fails `npm test`.\n\n";

async function generate() {
  const spec = JSON.parse(await readFile(SPEC, "utf8"));
  return HEADER + astToString(await openapiTS(spec, { alphabetize: true, emptyObjectsUnknown: true }));
}

const mode = process.argv[2];
const fresh = await generate();
if (mode === "write") {
  await writeFile(CLIENT, fresh);
  console.log("wrote lib/api/schema.d.ts");
} else if (mode === "check") {
  if ((await readFile(CLIENT, "utf8").catch(() => "")) !== fresh) {
    console.error("lib/api/schema.d.ts is not what openapi.json says: run `npm run gen` and commit the result");
    process.exit(1);
  }
  console.log("lib/api/schema.d.ts matches openapi.json");
} else {
  console.error("usage: client.mjs write|check");
  process.exit(2);
}
