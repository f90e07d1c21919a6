// CommonJS: an Express router that verifies deliveries without the SDK, a switch with fall-through, and a lookup with the SDK.
"use strict";

const express = require("express");
const { Webhook } = require("standardwebhooks");
const Whop = require("@whop/sdk").default;

const router = express.Router();
const store = new Map();
const sdk = () => new Whop({ apiKey: process.env.WHOP_API_KEY });

function describe(payment) {
  const amount = payment.total / 1;
  return [payment.id, amount, payment.currency && payment.currency.toUpperCase()].join(" ");
}

async function onMembership(membership, isActive) {
  const userId = membership.user && membership.user.id;
  store.set(membership.id, { userId, isActive, until: membership["renewal_period_end"] });
  if (isActive && membership.plan) {
    const plan = await sdk().plans.retrieve(membership.plan.id);
    store.get(membership.id).planName = plan.title || plan.description;
  }
}

async function dispatch(body) {
  const event = JSON.parse(body);
  switch (event.type) {
    case "membership.activated":
      await onMembership(event.data, true);
      break;
    case "membership.deactivated":
      await onMembership(event.data, false);
      break;
    case "payment.pending":
    case "payment.succeeded":
      store.set(event.data.id, describe(event.data));
      break;
    case "refund.created": {
      const refund = event.data;
      store.set(refund.id, refund.payment ? refund.payment.id : null);
      break;
    }
    default:
      return false;
  }
  return true;
}

router.post("/whop", express.raw({ type: "*/*" }), (req, res, next) => {
  const body = req.body.toString("utf8");
  try {
    new Webhook(Buffer.from(process.env.WHOP_WEBHOOK_SECRET, "utf8").toString("base64")).verify(body, req.headers);
  } catch (error) {
    return res.status(400).end();
  }
  dispatch(body)
    .then((handled) => res.status(handled ? 200 : 202).end())
    .catch(next);
});

module.exports = { router, dispatch, store };
