"""Runs the script as a program and reads its output."""

import os
import sys

from api import ids

sys.argv = ["export_payments.py", os.environ["WHOP_COMPANY_ID"], ids("payments")[0]]
import export_payments

rows = list(export_payments.rows(os.environ["WHOP_COMPANY_ID"]))
assert rows, "no payment is exported"
assert all(row.id for row in rows)
assert all(row.customer is None or isinstance(row.customer, str) for row in rows)
