"""An aiohttp client class with a generic request method, pages by cursor, and a TypedDict."""

import os
from typing import Any, AsyncIterator, TypedDict

import aiohttp


class Shipment(TypedDict):
    id: str
    tracking_code: str


class Api:
    base = "https://api.whop.com/api/v1"

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {os.environ['WHOP_API_KEY']}", "Api-Version-Date": "2026-10-15-1"})

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        async with self.session.request(method, self.base + path, **options) as response:
            response.raise_for_status()
            return await response.json()

    async def pages(self, path: str, **params: Any) -> AsyncIterator[dict[str, Any]]:
        while True:
            page = await self.request("GET", path, params=params)
            for item in page["data"]:
                yield item
            info = page["page_info"]
            if not info["has_next_page"]:
                return
            params["after"] = info["end_cursor"]

    async def shipments(self, company_id: str) -> list[Shipment]:
        found = []
        async for item in self.pages("/shipments", account_id=company_id):
            if item["status"] != "delivered":
                found.append(Shipment(id=item["id"], tracking_code=item["tracking_number"]))
        return found

    async def rename(self, plan_id: str, title: str) -> str:
        plan = await self.request("PATCH", f"/plans/{plan_id}", json={"title": title, "visibility": "hidden"})
        return plan["updated_at"]
