"""Leads and reviews into rows: class methods, nested functions, unpacking, and a client that is a parameter."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Iterator

from whop_sdk import Whop
from whop_sdk.types import LeadListResponse


@dataclass(frozen=True)
class Lead:
    id: str
    email: str | None
    product: str
    tags: list[str] = field(default_factory=list)

    @classmethod
    def from_api(cls, lead: LeadListResponse) -> Lead:
        owner = lead.user
        product = lead.product.title if lead.product else "none"
        return cls(lead.id, owner.email, product)


class Sync:
    def __init__(self, whop: Whop, company_id: str):
        self.whop = whop
        self.company_id = company_id

    def leads(self) -> Iterator[Lead]:
        page = self.whop.leads.list(company_id=self.company_id, first=100)
        while True:
            yield from map(Lead.from_api, page.data)
            if not page.has_next_page():
                break
            page = page.get_next_page()

    def stars(self, product_id: str) -> dict[str, list[float]]:
        by_user: dict[str, list[float]] = defaultdict(list)

        def add(review):
            name = review.user.username or review.user.name
            by_user[name].append(review.stars)

        for review in self.whop.reviews.list(product_id=product_id, min_stars=1):
            if (text := review.description) and len(text) > 3:
                add(review)
        return by_user


def bill(whop: Whop, company_id: str, member_id: str, *, due: str) -> str:
    common = dict(company_id=company_id, collection_method="send_invoice")
    invoice = whop.invoices.create(
        **common,
        member_id=member_id,
        due_date=due,
        plan={"plan_type": "one_time", "initial_price": 20},
        product={"title": "Consulting"},
    )
    number, link = invoice.number, invoice.fetch_invoice_token
    return f"{number} {link}"
