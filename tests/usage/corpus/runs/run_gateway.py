"""Totals the payments of an account."""

import os

from client import make_client
from gateway import WhopGateway, totals

gateway = WhopGateway(make_client())
payments = list(gateway.iter_paid(os.environ["WHOP_COMPANY_ID"]))
assert payments, "no payment is read"
assert any(payment.currency for payment in payments) and any(payment.total is not None for payment in payments)
assert gateway.one(payments[0].id).id == payments[0].id
totals(gateway, os.environ["WHOP_COMPANY_ID"], payments[0].id)
