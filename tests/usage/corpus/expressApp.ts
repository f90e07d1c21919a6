// Express with a route for deliveries, axios with a base address, and class fields.
import { Whop } from '@whop/sdk';
import express from 'express';
import axios from 'axios';
export const whop = new Whop();
const app = express();
app.post('/webhooks', async (req, res) => {
  const { type, data } = req.body;
  if (type === 'payment.succeeded') { handlePayment(data); }
  else if (['dispute.created', 'dispute.updated'].includes(type)) console.log(data.reason);
  res.sendStatus(200);
});
function handlePayment({ id, total, user: { email } = {} }: any) { console.log(id, total, email); }
const http = axios.create({ baseURL: 'https://api.whop.com/api/v1' });
export const getPlans = async (companyId: string) => {
  const { data } = await http.get('/plans', { params: { company_id: companyId } });
  return data.data.map((p) => ({ id: p.id, price: p.renewal_price }));
};
export class Svc {
  private client: Whop;
  constructor(private companyId: string) { this.client = new Whop(); }
  run = async () => {
    const payments = [];
    for await (const payment of this.client.payments.list({ company_id: this.companyId })) payments.push(payment);
    return payments.map(p => p.status);
  };
  async m(id: string) {
    let mem;
    try { mem = await this.client.memberships.retrieve(id); } catch { return; }
    return mem?.cancel_at_period_end ? mem.renewal_period_end : null;
  }
}
