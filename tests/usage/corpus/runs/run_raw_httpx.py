"""Reads products, refunds a payment and reads disputes, at the address of the environment."""

import asyncio
import os

import httpx
import raw_httpx as code

LIVE, COMPANY = code.BASE, os.environ["WHOP_COMPANY_ID"]
code.BASE = os.environ["WHOP_BASE_URL"]


class Response:
    """The part of a response of aiohttp that the code uses."""

    def __init__(self, response):
        self.response = response

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def json(self):
        self.response.raise_for_status()
        return self.response.json()


class Session:
    """The part of a session of aiohttp that the code uses."""

    def get(self, url):
        return Response(httpx.get(url.replace(LIVE, code.BASE), headers=code.HEADERS))


assert all(isinstance(title, str) for title in code.product_titles(COMPANY))
payments = code.get("/payments", **{code.ACCOUNT if hasattr(code, "ACCOUNT") else "company_id": COMPANY})["data"]
payment = next(one for one in payments if one["status"] == "paid" and one.get("refundable", True))
status, refunded_at = code.refund(payment["id"], 1)
assert status and refunded_at, "the payment was not refunded"
assert asyncio.run(code.disputes(Session(), COMPANY)), "there is no dispute"
