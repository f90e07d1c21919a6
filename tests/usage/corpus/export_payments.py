"""A script with the SDK: pages in a loop, a dataclass, and a CSV file."""

import csv
import sys
from dataclasses import dataclass

from whop_sdk import Whop

client = Whop()


@dataclass
class Row:
    id: str
    total: float
    customer: str


def to_row(payment):
    customer = payment.user.email if payment.user else "unknown"
    return Row(payment.id, payment.total, customer)


def rows(company):
    for payment in client.payments.list(company_id=company, statuses=["paid"], first=50):
        if payment.refunded_amount:
            continue
        yield to_row(payment)


def main():
    writer = csv.writer(sys.stdout)
    for row in rows(sys.argv[1]):
        writer.writerow([row.id, row.total, row.customer])
    fees = client.payments.list_fees(sys.argv[2])
    print(sum(fee.amount for fee in fees.data), [fee.name for fee in fees])


main()
