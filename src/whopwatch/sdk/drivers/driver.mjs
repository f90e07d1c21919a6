// Drives one release of the TypeScript SDK. Run by itself, beside the release's node_modules.
//
// Reads one JSON object a line: {"operation": "products.list", "arguments": {...}, "path": ["id"], "pages": N}, where
// `path` names the arguments that stand in the path, in their order. Writes one a line: what the SDK made of the
// answer, or its error. `pages` asks for a walk of at most so many pages instead of a value. The types of this SDK are
// gone at run time, so values are plain JSON.

import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";

import * as sdk from "@whop/sdk";

const [baseURL, token] = process.argv.slice(2);
const Client = sdk.default ?? sdk.Whop;
const client = new Client({ apiKey: token, baseURL, maxRetries: 0, logLevel: "off" });

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

function call(request) {
  const steps = request.operation.split(".").map(camel);
  const last = steps.pop();
  const owner = steps.reduce((found, step) => found?.[step], client);
  if (typeof owner?.[last] !== "function") return null;
  const rest = { ...request.arguments };
  const places = request.path.map((name) => {
    const value = rest[name];
    delete rest[name];
    return [name, value];
  });
  // The last place of a path is an argument of its own, the others go with the rest.
  const own = places.length ? [places.pop()[1]] : [];
  for (const [name, value] of places) rest[name] = value;
  return Object.keys(rest).length || !own.length ? owner[last](...own, rest) : owner[last](...own);
}

async function walk(page, most) {
  let pages = 0;
  let items = 0;
  for await (const one of page.iterPages()) {
    pages += 1;
    items += one.data.length;
    if (pages >= most) return { walk: { pages, items, ended: false } };
  }
  return { walk: { pages, items, ended: true } };
}

function shown(value) {
  if (value === undefined) return null;
  if (value instanceof Date) return { "~": "datetime", v: value.toISOString() };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  // A page keeps what it was made from beside what it shows.
  const own = typeof value.iterPages === "function" ? ["options", "response", "body"] : [];
  const entries = Object.entries(value).filter(([name]) => !own.includes(name));
  return Object.fromEntries(entries.map(([name, one]) => [name, shown(one)]));
}

async function answer(request) {
  let called;
  try {
    called = call(request);
    if (called === null) return { error: { type: "no such method", status: null } };
    const value = await called;
    return request.pages ? await walk(value, request.pages) : { value: shown(value) };
  } catch (error) {
    return { error: { type: error?.constructor?.name ?? "Error", status: error?.status ?? null } };
  }
}

const { version } = JSON.parse(readFileSync(new URL("./node_modules/@whop/sdk/package.json", import.meta.url)));
console.log(JSON.stringify({ ready: version }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
