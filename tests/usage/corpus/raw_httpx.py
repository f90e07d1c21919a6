"""Requests without the SDK: addresses in f-strings, an HTTP client with a base address, and data as dictionaries."""

import os

import httpx
import requests

BASE = "https://api.whop.com/api/v1"
HEADERS = {"Authorization": f"Bearer {os.environ['WHOP_API_KEY']}"}


def get(path, **params):
    response = requests.get(f"{BASE}{path}", headers=HEADERS, params=params, timeout=10)
    response.raise_for_status()
    return response.json()


def product_titles(company, **more):
    page = get("/products", company_id=company, **more)
    titles = [product["title"] for product in page["data"] if product.get("visibility") == "visible"]
    if page["page_info"]["has_next_page"]:
        titles += product_titles(company, after=page["page_info"]["end_cursor"])
    return titles


def refund(payment_id, amount):
    with httpx.Client(base_url=BASE, headers=HEADERS) as client:
        refunded = client.post(f"/payments/{payment_id}/refund", json={"partial_amount": amount}).json()
        return refunded["status"], refunded["refunded_at"]


async def disputes(session, company):
    async with session.get(f"https://api.whop.com/api/v1/disputes?company_id={company}") as response:
        body = await response.json()
    return {dispute["id"]: dispute["needs_response_by"] for dispute in body["data"]}
