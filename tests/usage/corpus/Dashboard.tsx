// A server component: results in parallel, annotations with models of the SDK, and JSX.
import Whop from "@whop/sdk";
import type { Dispute } from "./types";

const sdk = new Whop();

function renewal(membership: Whop.Membership) {
  return membership.renewal_period_end;
}

export default async function Dashboard({ companyId, planId }: { companyId: string; planId: string }) {
  const [company, memberships, disputes] = await Promise.all([
    sdk.companies.retrieve(companyId),
    sdk.memberships.list({ company_id: companyId, order: "created_at" }),
    sdk.disputes.list({ company_id: companyId }),
  ]);
  const open = disputes.data.find((dispute) => dispute.status === "needs_response");
  const plan = (await sdk.checkoutConfigurations.create({ plan_id: planId })).plan;
  return (
    <main>
      <h1>{company.title}</h1>
      <p>{company.owner_user.username}</p>
      {open && <b>{open.reason}</b>}
      <i>{plan?.currency}</i>
      {memberships.data.map((membership) => (
        <li key={membership.id}>
          {membership.user?.username} {renewal(membership)}
        </li>
      ))}
    </main>
  );
}
