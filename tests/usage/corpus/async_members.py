"""The asynchronous client in a class, model names in annotations, and results that are passed on."""

import asyncio

from whop_sdk import AsyncWhop
from whop_sdk.types import MembershipListResponse


class Members:
    def __init__(self, key: str) -> None:
        self.api = AsyncWhop(api_key=key)
        self.names: dict[str, str] = {}

    async def load(self, company: str) -> None:
        async for membership in self.api.memberships.list(company_id=company):
            self.keep(membership)

    def keep(self, membership: MembershipListResponse) -> None:
        user = membership.user
        if user is not None:
            self.names[user.id] = user.username
        if membership.status == "active":
            self.renewal(membership)

    def renewal(self, membership: MembershipListResponse) -> None:
        print(membership.renewal_period_end, membership.plan.id)

    async def cancel(self, id: str) -> str:
        cancelled = await self.api.memberships.cancel(id, cancellation_mode="immediate")
        return cancelled.canceled_at

    async def both(self, first: str, second: str):
        one, two = await asyncio.gather(self.api.users.retrieve(first), self.api.users.retrieve(second))
        return one.name, two.name
