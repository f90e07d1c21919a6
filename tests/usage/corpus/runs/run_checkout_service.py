"""Sells a product and makes a promo code."""

import os

import checkout_service

checkout_service.api.cache_clear()
Whop = checkout_service.Whop
if os.environ["WHOP_API_VERSION_DATE"] == "2025-01-01":
    checkout_service.Whop = lambda api_key: Whop(api_key=os.environ["WHOP_API_KEY"])
address = checkout_service.sell(os.environ["WHOP_COMPANY_ID"], "A title", 10.0)
assert address is None or isinstance(address, str)
checkout_service.discount(os.environ["WHOP_COMPANY_ID"], "CODE10")
