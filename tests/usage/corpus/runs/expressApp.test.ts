import assert from "node:assert/strict";
import { test } from "node:test";
import axios from "axios";
import express from "express";
import { company, deliveries, LIVE, payload, printed, rows } from "./api";

// The application is not exported: its route and its client are taken where it makes them.
let route: any;
express.application.post = function (_path: string, handler: any) {
  route = handler;
} as any;
const create = axios.create;
axios.create = (options: any) =>
  create({
    ...options,
    baseURL: options.baseURL.replace(LIVE, process.env.WHOP_BASE_URL!),
    headers: { ...options.headers, Authorization: `Bearer ${process.env.WHOP_API_KEY}` },
  });

test("payments and disputes are printed", async () => {
  await import("./expressApp");
  for (const event of ["payment.succeeded", "dispute.created", "dispute.updated"]) {
    const [delivery] = deliveries(event);
    let status = 0;
    const response = { sendStatus: (code: number) => (status = code) };
    const lines = await printed(() => route({ body: JSON.parse(delivery.body) }, response));
    assert.equal(status, 200);
    const { id, total, user, customer_email, reason } = payload(delivery);
    const amount = total?.amount ?? total;
    assert.equal(lines[0], event === "payment.succeeded" ? `${id} ${amount} ${customer_email ?? user?.email}` : String(reason));
  }
});

test("plans have prices, payments a status, memberships an end", async () => {
  const { getPlans, Svc } = await import("./expressApp");
  const plans = await getPlans(company);
  assert.ok(plans.length > 0 && plans.every((one: any) => one.id && one.price !== undefined));
  const service = new Svc(company);
  assert.ok((await service.run()).some((status) => status === "paid"));
  const ends = [];
  for (const one of await rows("memberships")) ends.push(await service.m(one.id));
  assert.ok(ends.some((end) => typeof end === "string"), "no end of a membership");
  assert.ok(ends.every((end) => end !== undefined));
});
