import assert from "node:assert/strict";
import { test } from "node:test";
import { Whop } from "@whop/sdk";
import { card, openInvoices, refundTotal } from "./billing";
import { company, isOld, rows } from "./api";

const client = new Whop(isOld ? {} : ({ version: process.env.WHOP_API_VERSION_DATE } as object));

test("open invoices that are due have a number and an owner", async () => {
  const found = [];
  for await (const one of openInvoices({ companyId: company, client })) found.push(one);
  assert.ok(found.length > 0);
  assert.ok(found.every((one) => one.number && one.owner));
});

test("refunds are summed", async () => {
  const totals = [];
  const payments = isOld ? (await rows("payments")).map((one) => one.id) : (await rows("refunds")).map((one) => one.payment_id);
  for (const payment of payments) totals.push(await refundTotal(client, payment));
  assert.ok(totals.every((total) => typeof total === "number" && Number.isFinite(total)));
  assert.ok(totals.some((total) => total > 0));
});

test("the card and the country of a payment are shown", async () => {
  const shown = [];
  for (const payment of await rows("payments")) shown.push(await card(client, payment.id));
  assert.ok(shown.some((text) => /^\d{4} /.test(text)), shown.join("\n"));
  assert.ok(shown.some((text) => / [A-Z]{2} /.test(text)), shown.join("\n"));
  assert.ok(shown.some((text) => text.endsWith("]")), shown.join("\n"));
});
