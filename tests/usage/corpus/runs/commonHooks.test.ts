import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveries, payload } from "./api";

const { dispatch, router, store } = require("./commonHooks");

const EVENTS = ["membership.activated", "membership.deactivated", "payment.pending", "payment.succeeded", "refund.created"];

test("each event is kept", async () => {
  for (const delivery of deliveries(...EVENTS)) {
    const { type, data } = JSON.parse(delivery.body);
    assert.equal(await dispatch(delivery.body), true);
    const kept = store.get(data.id);
    if (type.startsWith("membership.")) {
      assert.equal(kept.userId, data.user_id ?? data.user?.id);
      assert.equal(kept.until, data.current_period_end ?? data.renewal_period_end);
    } else if (type.startsWith("payment.")) {
      assert.match(kept, /^pay_\w+ [\d.]+( [A-Z]{3}\w*)?/);
    } else {
      assert.equal(kept, data.payment ? data.payment.id : null);
    }
    if (type === "membership.activated") assert.ok("planName" in kept);
  }
});

test("an unknown event is not handled, an unsigned one is refused", async () => {
  assert.equal(await dispatch(JSON.stringify({ type: "other.event", data: {} })), false);
  const handler = router.stack[0].route.stack.at(-1).handle;
  let status = 0;
  const response = { status: (code: number) => ((status = code), response), end: () => undefined };
  handler({ body: Buffer.from("{}"), headers: {} }, response, assert.fail);
  assert.equal(status, 400);
});
