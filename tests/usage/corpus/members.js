// CommonJS, callbacks of lists, optional chaining and promises with then.
const { Whop } = require("@whop/sdk");

const client = new Whop();

function activeEmails(companyId) {
  return client.members
    .list({ company_id: companyId, statuses: ["joined"], first: 20 })
    .then((page) => page.data.filter((member) => member.access_level !== "admin").map((member) => member.user?.email));
}

async function refundAll(companyId) {
  for await (const payment of client.payments.list({ company_id: companyId })) {
    if (!payment.refundable || payment.substatus === "refunded") continue;
    const refunded = await client.payments.refund(payment.id, { partial_amount: payment.total });
    console.log(refunded["refunded_at"]);
  }
}

async function fees(id) {
  const page = await client.payments.listFees(id);
  return page.data.reduce((sum, fee) => sum + fee.amount, 0);
}

module.exports = { activeEmails, refundAll, fees };
