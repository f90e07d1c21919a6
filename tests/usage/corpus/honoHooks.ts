// Hono: a map of handlers by event, with parameters that are destructured.
import { Hono } from "hono";
import Whop from "@whop/sdk";

const app = new Hono();
const client = new Whop({ webhookKey: btoa(process.env.WHOP_WEBHOOK_SECRET!) });

const handlers: Record<string, (data: any) => Promise<void> | void> = {
  "invoice.past_due": ({ number, user }) => console.log(number, user?.username),
  "membership.cancel_at_period_end_changed": async (membership) => {
    if (membership.cancel_at_period_end) {
      await keep(membership.id, membership.cancellation_reason);
    }
  },
};

async function keep(id: string, reason: string | null) {
  const membership = await client.memberships.retrieve(id);
  console.log(membership.manage_url, reason);
}

app.post("/hook", async (c) => {
  const event = client.webhooks.unwrap(await c.req.text(), { headers: c.req.header() });
  await handlers[event.type]?.(event.data);
  return c.text("ok");
});
export default app;
