// A Next.js route: the SDK verifies the delivery, and a switch handles the events.
import Whop from "@whop/sdk";
import { NextRequest, NextResponse } from "next/server";

const whop = new Whop({ apiKey: process.env.WHOP_API_KEY!, webhookKey: btoa(process.env.WHOP_WEBHOOK_SECRET!) });

export async function POST(request: NextRequest) {
  const event = whop.webhooks.unwrap(await request.text(), { headers: Object.fromEntries(request.headers) });
  switch (event.type) {
    case "payment.succeeded":
    case "payment.failed": {
      const { id, user, failure_message: reason } = event.data;
      console.log(id, user?.email, reason);
      break;
    }
    case "membership.activated":
      await welcome(event.data.user.id);
      break;
  }
  return NextResponse.json({ ok: true });
}

async function welcome(userId: string) {
  const { name, username } = await whop.users.retrieve(userId);
  console.log(`welcome ${name ?? username}`);
}
