// Drive one release of the TypeScript SDK; run it next to the release's node_modules.
//
// Reads one JSON object per line: {"operation": "products.list", "arguments": {...}, "path": ["id"], "pages": N}; `path`
// lists the path parameters in order. Writes one object per line: the value that the SDK parsed, or its error. With
// `pages` it paginates over at most N pages instead. TypeScript has no types at run time, so values are plain JSON.

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
  // The SDK takes the last path parameter as its own argument and the others with the options.
  const own = places.length ? [places.pop()[1]] : [];
  for (const [name, value] of places) rest[name] = value;
  return Object.keys(rest).length || !own.length ? owner[last](...own, rest) : owner[last](...own);
}

async function paginate(page, most) {
  let pages = 0;
  let items = 0;
  for await (const one of page.iterPages()) {
    pages += 1;
    items += one.data.length;
    if (pages >= most) return { walk: { pages, items, ended: false } };
  }
  return { walk: { pages, items, ended: true } };
}

function toJson(value) {
  if (value === undefined) return null;
  if (value instanceof Date) return { "~": "datetime", v: value.toISOString() };
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== "object") return value;
  // A page object also has the request it was made from.
  const own = typeof value.iterPages === "function" ? ["options", "response", "body"] : [];
  const entries = Object.entries(value).filter(([name]) => !own.includes(name));
  return Object.fromEntries(entries.map(([name, one]) => [name, toJson(one)]));
}

async function respond(request) {
  let called;
  try {
    called = call(request);
    if (called === null) return { error: { type: "no such method", status: null } };
    const value = await called;
    return request.pages ? await paginate(value, request.pages) : { value: toJson(value) };
  } catch (error) {
    return { error: { type: error?.constructor?.name ?? "Error", status: error?.status ?? null } };
  }
}

const { version } = JSON.parse(readFileSync(new URL("./node_modules/@whop/sdk/package.json", import.meta.url)));
console.log(JSON.stringify({ ready: version }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await respond(JSON.parse(line))));
}
