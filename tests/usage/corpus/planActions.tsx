// React server actions: input and results re-shaped with zod, a form action, and a client component that shows the result.
"use server";

import { z } from "zod";
import { Whop } from "@whop/sdk";

let cached: Whop | undefined;
const getClient = () => (cached ??= new Whop());

const PlanForm = z.object({
  productId: z.string().startsWith("prod_"),
  title: z.string().min(1),
  price: z.coerce.number().positive(),
});

const PlanCard = z
  .object({
    id: z.string(),
    title: z.string().nullable(),
    initial_price: z.number(),
    member_count: z.number().nullable(),
    product: z.object({ id: z.string(), title: z.string() }).nullable(),
  })
  .transform((plan) => ({
    key: plan.id,
    label: plan.title ?? plan.product?.title ?? "untitled",
    price: plan.initial_price,
    isPopular: (plan.member_count ?? 0) > 100,
  }));

type Card = z.infer<typeof PlanCard>;

export async function listCards(companyId: string): Promise<Card[]> {
  const cards: Card[] = [];
  for await (const plan of getClient().plans.list({ company_id: companyId, direction: "desc" })) {
    cards.push(PlanCard.parse(plan));
  }
  return cards;
}

export async function createPlan(companyId: string, form: FormData): Promise<{ error?: string; url?: string }> {
  const parsed = PlanForm.safeParse(Object.fromEntries(form));
  if (!parsed.success) {
    return { error: parsed.error.issues[0]?.message };
  }
  const { productId, title, price } = parsed.data;
  const plan = await getClient().plans.create({
    company_id: companyId,
    product_id: productId,
    plan_type: "one_time",
    initial_price: price,
    title,
  });
  return { url: plan.purchase_url };
}

export async function hidePlan(id: string) {
  const hidden = await getClient().plans.update(id, { visibility: "hidden" });
  return hidden.visibility === "hidden";
}

export async function PlanTable({ companyId }: { companyId: string }) {
  const cards = await listCards(companyId);
  return (
    <ul>
      {cards.map(({ key, label, price, isPopular }) => (
        <li key={key} className={isPopular ? "popular" : undefined}>
          {label}: {price}
        </li>
      ))}
    </ul>
  );
}
