import assert from "node:assert/strict";
import { test } from "node:test";
import app from "./honoHooks";
import { deliveries, payload, printed } from "./api";

async function deliver(event: string) {
  const [delivery] = deliveries(event);
  let status = 0;
  const lines = await printed(async () => {
    status = (await app.request("/hook", { method: "POST", ...delivery })).status;
  });
  assert.equal(status, 200);
  return { lines, data: payload(delivery) };
}

test("a late invoice is printed", async () => {
  const { lines, data } = await deliver("invoice.past_due");
  assert.deepEqual(lines, [`${data.number} ${data.user?.username}`]);
});

test("a member who leaves gets the address to stay", async () => {
  const { lines, data } = await deliver("membership.cancel_at_period_end_changed");
  if (!data.cancel_at_period_end) return assert.deepEqual(lines, []);
  assert.match(lines[0], new RegExp(`^(https?://\\S+|null) ${data.cancellation_reason}$`));
});
