"""Writes: keyword arguments from dictionaries, nested bodies, and a client that a function makes."""

from functools import lru_cache

from whop_sdk import Whop


TERMS = {"base_currency": "usd", "promo_duration_months": 1}


@lru_cache
def api() -> Whop:
    return Whop(api_key="from the environment")


def sell(company: str, title: str, price: float) -> str:
    product = api().products.create(company_id=company, title=title, visibility="visible")
    options = {"product_id": product.id, "initial_price": price}
    plan = api().plans.create(company_id=company, plan_type="one_time", **options)
    checkout = api().checkout_configurations.create(
        plan={"company_id": company, "initial_price": plan.initial_price, "currency": "usd"},
        redirect_url="https://shop.example/thanks",
        metadata={"order": "1"},
    )
    return checkout.purchase_url


def discount(company: str, code: str) -> None:
    body = dict(code=code, amount_off=10)
    sdk = api().with_options(max_retries=1)
    promo = sdk.promo_codes.create(company_id=company, promo_type="percentage", new_users_only=True, **body, **TERMS)
    print(getattr(promo, "code"), promo.model_dump()["uses"])
