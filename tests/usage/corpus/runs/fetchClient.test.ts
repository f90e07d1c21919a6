import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "./fetchClient";
import { company, redirectFetch, rows } from "./api";

redirectFetch();
const api = new Api(process.env.WHOP_API_KEY!);

test("titles of visible products", async () => {
  const titles = await api.titles(company);
  assert.ok(titles.length > 0);
  assert.ok(titles.every((title) => typeof title === "string"));
});

test("a plan is created", async () => {
  const [product] = await rows("products");
  assert.match(await api.createPlan(company, product.id), /^http/);
});
