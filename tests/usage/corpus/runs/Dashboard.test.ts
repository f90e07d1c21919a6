import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";
import Dashboard from "./Dashboard";
import { company, rows } from "./api";

test("the page shows the company, its members and a plan", async () => {
  const [plan] = await rows("plans");
  const html = renderToStaticMarkup(await Dashboard({ companyId: company, planId: plan.id }));
  assert.match(html, /<h1>[^<]+<\/h1><p>[^<]+<\/p>/);
  const memberships = html.match(/<li>[^<]*<\/li>/g) ?? [];
  assert.ok(memberships.length > 0);
  assert.ok(memberships.some((one) => /^<li>\w\S* \S/.test(one)), memberships.join("\n"));
  const open = (await rows("disputes")).some((one) => one.status === "needs_response");
  assert.equal(/<b>/.test(html), open);
});
