"""Builds the report of an account."""

import os

import report_lambdas
from client import make_client

emails, joined_at, phone = report_lambdas.build(make_client(), os.environ["WHOP_COMPANY_ID"])
assert any(emails.values()), "no member has an email address"
assert joined_at
assert report_lambdas.company_card(make_client(), os.environ["WHOP_COMPANY_ID"])["title"]
