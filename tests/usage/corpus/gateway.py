"""A gateway class with a property and generators, cursors by hand, raw responses, and names of the module whop_sdk."""
from __future__ import annotations
import logging, typing as t
import whop_sdk
from whop_sdk import APIError
from whop_sdk.types import Payment, payment_list_params

log = logging.getLogger(__name__)

class WhopGateway:
    def __init__(self, client: whop_sdk.Whop | None = None):
        self._client = client or whop_sdk.Whop()

    @property
    def payments(self):
        return self._client.payments

    def iter_paid(self, company_id: str) -> t.Iterator[Payment]:
        cursor = None
        while True:
            page = self._client.payments.list(company_id=company_id, after=cursor)
            yield from page.data
            if not page.page_info.has_next_page:
                return
            cursor = page.page_info.end_cursor

    def one(self, pid):
        try:
            return self.payments.retrieve(pid)
        except APIError as e:
            log.warning("failed %s", e)

def totals(gw: WhopGateway, cid: str, pid: str):
    d = {}
    for i, p in enumerate(gw.iter_paid(cid)):
        d.setdefault(p.currency, []).append(p.total)
    p = gw.one(pid)
    if p and (m := p.membership):
        print(m.status)
    for a, b in zip(gw.iter_paid(cid), range(3)):
        print(a.paid_at)
    kw = {}
    kw["payment_id"] = pid
    r = gw._client.refunds.list(**kw)
    print([*map(lambda x: x.amount, r)])
    async def f():
        async with whop_sdk.AsyncWhop() as c:
            (await c.disputes.retrieve("d")).reason
            res = await c.products.with_raw_response.list(company_id=cid)
            print((await res.parse()).data[0].route)
