"""Reads shipments and renames a plan."""

import asyncio
import os

import aiohttp_shipments
from api import ids

aiohttp_shipments.Api.base = os.environ["WHOP_BASE_URL"]


async def main():
    api = aiohttp_shipments.Api()
    try:
        shipments = await api.shipments(os.environ["WHOP_COMPANY_ID"])
        assert shipments and all(one["tracking_code"] for one in shipments)
        plan = ids("plans")[0]
        assert await api.rename(plan, "Another title")
    finally:
        await api.session.close()


asyncio.run(main())
