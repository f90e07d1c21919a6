"""Loads memberships, cancels one, and reads two users."""

import asyncio
import os

from api import ids as ids_of
from async_members import Members

COMPANY = os.environ["WHOP_COMPANY_ID"]


async def main():
    members = Members(os.environ["WHOP_API_KEY"])
    await members.load(COMPANY)
    assert members.names, "no member is loaded"
    ids = list(members.names)
    first, second = await members.both(ids[0], ids[-1])
    assert first and second
    await members.cancel(ids_of("memberships")[0])


asyncio.run(main())
