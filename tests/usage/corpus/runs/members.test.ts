import assert from "node:assert/strict";
import { test } from "node:test";
import { company, printed, rows } from "./api";

const { activeEmails, fees, refundAll } = require("./members");

test("active members have addresses", async () => {
  const emails = await activeEmails(company);
  assert.ok(emails.some((email: string) => email), "no address");
});

test("everything refundable is refunded", async () => {
  const lines = await printed(() => refundAll(company));
  assert.ok(lines.length > 0);
  assert.ok(lines.every((line) => /^\d{4}-/.test(line)), lines.join("\n"));
});

test("fees are summed", async () => {
  const totals = [];
  for (const payment of (await rows("payments")).slice(0, 10)) totals.push(await fees(payment.id));
  assert.ok(totals.every((total) => typeof total === "number" && Number.isFinite(total)));
  assert.ok(totals.some((total) => total > 0));
});
