import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "./axiosStore";
import { company, rows } from "./api";

const store = new Store(process.env.WHOP_API_KEY!);
(store as any).http.defaults.baseURL = process.env.WHOP_BASE_URL;

test("experiences have their app's name", async () => {
  const found = Object.values(await store.experiences(company));
  assert.ok(found.length > 0);
  assert.ok(found.every((text) => /^.+ \(.+\)$/.test(text) && !text.includes("undefined")));
});

test("a product has a title", async () => {
  const [product] = await rows("products");
  assert.ok(await store.productTitle(product.id));
});

test("an open invoice is voided", async () => {
  const invoice = (await rows("invoices")).find((one) => one.status === "open");
  await store.voidInvoice(invoice.id);
});
