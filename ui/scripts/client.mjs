// Writes `lib/api/schema.d.ts` from `openapi.json`, or checks that the committed one is what would be written.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const SPEC = new URL("../openapi.json", import.meta.url);
const CLIENT = new URL("../lib/api/schema.d.ts", import.meta.url);
const HEADER = "// Generated from openapi.json by `npm run gen`. Do not edit: a stale copy fails `npm test`.\n\n";
const REFERENCE = /"#\/components\/schemas\/([^"/]+)"/g;

/** A schema that is named but not there is taken for an object of unknown shape, and told of. */
function fillGaps(spec, text) {
  const schemas = spec.components.schemas;
  for (const [, name] of text.matchAll(REFERENCE)) {
    if (name in schemas) continue;
    console.warn(`openapi.json names the schema ${name} without describing it`);
    schemas[name] = { type: "object" };
  }
}

async function generate() {
  const text = await readFile(SPEC, "utf8");
  const spec = JSON.parse(text);
  fillGaps(spec, text);
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
