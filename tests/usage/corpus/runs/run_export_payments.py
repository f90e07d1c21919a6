"""Runs the script as a program and reads its output."""

import os
import sys

payment = next(id for id in os.environ["CORPUS_IDS"].split(",") if id.startswith("pay_"))
sys.argv = ["export_payments.py", os.environ["WHOP_COMPANY_ID"], payment]
import export_payments

rows = list(export_payments.rows(os.environ["WHOP_COMPANY_ID"]))
assert rows, "no payment is exported"
assert all(row.id for row in rows)
assert all(row.customer is None or isinstance(row.customer, str) for row in rows)
