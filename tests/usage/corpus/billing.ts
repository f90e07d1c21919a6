// The SDK in functions with destructured options, an async generator, and nullish defaults.
import { Whop } from "@whop/sdk";

type Options = { companyId: string; client?: Whop };

export async function* openInvoices({ companyId, client = new Whop() }: Options) {
  for await (const invoice of client.invoices.list({ company_id: companyId, statuses: ["open"] })) {
    if (invoice.due_date && new Date(invoice.due_date) < new Date()) {
      yield { number: invoice.number, owner: invoice.user?.name ?? invoice.email_address ?? "unknown" };
    }
  }
}

export const refundTotal = async (client: Whop, paymentId: string) => {
  const { data: refunds } = await client.refunds.list({ payment_id: paymentId });
  const done = refunds.filter(({ status }) => status === "succeeded");
  return done.reduce((sum, refund) => sum + refund.amount, 0);
};

export async function card(client: Whop, paymentId: string) {
  const payment = await client.payments.retrieve(paymentId);
  const { card_last4: last4, billing_address } = payment;
  return [last4, billing_address?.country, payment["payment_method"]?.card].join(" ");
}
