"""A script with the SDK: pages in a loop, a dataclass, and a CSV file."""

import csv
import os
import sys
from dataclasses import dataclass

from whop_sdk import Whop
from whop_sdk.environment import WhopEnvironment

client = Whop(token=os.environ["WHOP_API_KEY"], environment=WhopEnvironment(api=os.environ["WHOP_BASE_URL"], vault=""))


@dataclass
class Row:
    id: str
    total: float
    customer: str


def to_row(payment):
    customer = payment.customer_email or "unknown"
    return Row(payment.id, payment.total.amount if payment.total else None, customer)


def rows(company):
    for payment in client.payments.list(account_id=company, status="paid", first=50):
        if payment.substatus == "refunded":
            continue
        yield to_row(payment)


def main():
    writer = csv.writer(sys.stdout)
    for row in rows(sys.argv[1]):
        writer.writerow([row.id, row.total, row.customer])
    fees = client.payments.list_fees(sys.argv[2])
    print(sum(float(fee.amount.amount) for fee in fees.data), [fee.label for fee in fees.data])


main()
