"""A Flask handler that verifies deliveries with the SDK and compares the type of the event."""

import os
from base64 import b64encode

from flask import Flask, request
from whop_sdk import Whop

app = Flask(__name__)
whop = Whop(webhook_key=b64encode(os.environ["WHOP_WEBHOOK_SECRET"].encode()).decode())


@app.post("/webhooks")
def receive():
    event = whop.webhooks.unwrap(request.get_data(as_text=True), headers=dict(request.headers))
    if event.type == "payment.succeeded":
        grant(event.data)
    elif event.type in ("membership.deactivated",):
        revoke(event.data.user.id, event.data.product.id)
    return "", 204


def grant(payment):
    membership = whop.memberships.retrieve(payment.membership.id)
    print(membership.license_key, payment.total, payment.currency)


def revoke(user, product):
    access = whop.users.check_access(product, id=user)
    if not access.has_access:
        print("revoked", user)
