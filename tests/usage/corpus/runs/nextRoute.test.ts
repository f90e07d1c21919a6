import assert from "node:assert/strict";
import { test } from "node:test";
import { NextRequest } from "next/server";
import { POST } from "./nextRoute";
import { deliveries, payload, printed } from "./api";

async function deliver(event: string) {
  const [delivery] = deliveries(event);
  let status = 0;
  const lines = await printed(async () => {
    const request = new NextRequest("http://localhost/hook", { method: "POST", ...delivery });
    status = (await POST(request)).status;
  });
  assert.equal(status, 200);
  return { lines, data: payload(delivery) };
}

for (const event of ["payment.succeeded", "payment.failed"]) {
  test(`${event} prints the payment and its customer's address`, async () => {
    const { lines, data } = await deliver(event);
    const email = data.customer_email ?? data.user?.email;
    assert.deepEqual(lines, [`${data.id} ${email} ${data.failure_message}`]);
  });
}

test("a new member is welcomed by name", async () => {
  const { lines } = await deliver("membership.activated");
  assert.match(lines[0], /^welcome (?!undefined|null)\S/);
});

test("an unsigned delivery is refused", async () => {
  const request = new NextRequest("http://localhost/hook", { method: "POST", body: "{}" });
  await assert.rejects(async () => POST(request));
});
