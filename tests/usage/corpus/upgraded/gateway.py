"""A gateway class with a property and generators, cursors by hand, raw responses, and names of the module whop_sdk."""
from __future__ import annotations
import logging, os, typing as t
import whop_sdk
from whop_sdk.core.api_error import ApiError
from whop_sdk.types import Payment

log = logging.getLogger(__name__)

class WhopGateway:
    def __init__(self, client: whop_sdk.Whop | None = None):
        self._client = client or whop_sdk.Whop(token=os.environ["WHOP_API_KEY"])

    @property
    def payments(self):
        return self._client.payments

    def iter_paid(self, company_id: str) -> t.Iterator[Payment]:
        cursor = None
        while True:
            page = self._client.payments.list(account_id=company_id, after=cursor)
            yield from page.items
            if not page.response.page_info.has_next_page:
                return
            cursor = page.response.page_info.end_cursor

    def one(self, pid):
        try:
            return self.payments.retrieve(pid)
        except ApiError as e:
            log.warning("failed %s", e)

def totals(gw: WhopGateway, cid: str):
    d = {}
    for i, p in enumerate(gw.iter_paid(cid)):
        d.setdefault(p.currency, []).append(p.total)
    p = gw.one("x")
    if p and p.membership_id:
        print(gw._client.memberships.retrieve(p.membership_id).status)
    for a, b in zip(gw.iter_paid(cid), range(3)):
        print(a.paid_at)
    kw = {}
    kw["account_id"] = cid
    r = gw._client.refunds.list(payment_id="x", **kw)
    print([*map(lambda x: x.amount, r)])
    async def f():
        async with whop_sdk.AsyncWhop(token=os.environ["WHOP_API_KEY"]) as c:
            (await c.disputes.retrieve("d")).reason
            res = await c.products.list(account_id=cid)
            print(res.items[0].route)
