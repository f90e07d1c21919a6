"""The asynchronous client in a class, model names in annotations, and results that are passed on."""

import asyncio

from whop_sdk import AsyncWhop
from whop_sdk.types import Membership


class Members:
    def __init__(self, key: str) -> None:
        self.api = AsyncWhop(token=key)
        self.names: dict[str, str] = {}

    async def load(self, company: str) -> None:
        async for membership in await self.api.memberships.list(account_id=company):
            await self.keep(membership)

    async def keep(self, membership: Membership) -> None:
        if membership.user_id is not None:
            user = await self.api.users.retrieve(membership.user_id)
            self.names[user.id] = user.username
        if membership.status == "active":
            self.renewal(membership)

    def renewal(self, membership: Membership) -> None:
        print(membership.current_period_end, membership.plan_id)

    async def cancel(self, id: str) -> str:
        cancelled = await self.api.memberships.cancel(id, cancel_at_period_end=False)
        return cancelled.canceled_at

    async def both(self, first: str, second: str):
        one, two = await asyncio.gather(self.api.users.retrieve(first), self.api.users.retrieve(second))
        return one.name, two.name
