"""Delivers events to the Django view."""

import contextlib
import io
import json

import django
from deliveries import deliveries
from django.conf import settings
from django.test import RequestFactory

settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"])
django.setup()

from django_hooks import WhopHook

factory, view = RequestFactory(), WhopHook.as_view()
withdrawal, entry, other = deliveries("withdrawal.created", "entry.created", "payment.created")


def deliver(delivery):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        response = view(factory.post("/hook", data=delivery["body"], content_type="application/json"))
    return response.status_code, output.getvalue().rstrip("\n"), json.loads(delivery["body"])["data"]


status, shown, data = deliver(withdrawal)
amount, currency, *account = shown.split()
assert status == 200
assert abs(float(amount) - (float(data["amount"]) - float(data["fee_amount"]))) < 0.001
assert currency == data["currency"]
assert account == ([data["ledger_account"]["id"]] if "ledger_account" in data else [])
status, shown, data = deliver(entry)
assert (status, shown) == (200, f"{data['user']['email']} {data['plan']['id'] if data['plan'] else None}"), shown
assert deliver(other)[0] == 204
