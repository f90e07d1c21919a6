import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToStaticMarkup } from "react-dom/server";
import { PlanTable, createPlan, hidePlan, listCards } from "./planActions";
import { company, rows } from "./api";

test("plans are cards", async () => {
  const cards = await listCards(company);
  assert.ok(cards.length > 0);
  assert.ok(cards.every((card) => card.key && card.label && typeof card.price === "number"));
  assert.match(renderToStaticMarkup(await PlanTable({ companyId: company })), /<li.*>[^<]+: [\d.]+<\/li>/);
});

test("a plan is created and hidden", async () => {
  const [product] = await rows("products");
  const form = new FormData();
  for (const [name, value] of Object.entries({ productId: product.id, title: "A plan", price: "10" })) form.set(name, value);
  assert.match((await createPlan(company, form)).url ?? "", /^http/);
  form.set("price", "-1");
  assert.ok((await createPlan(company, form)).error);
  const [plan] = await rows("plans");
  assert.equal(await hidePlan(plan.id), true);
});
