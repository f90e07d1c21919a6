"""Delivers signed events to the Flask handler."""

import contextlib
import io
import json

import flask_webhooks
from deliveries import deliveries

client = flask_webhooks.app.test_client()
succeeded, deactivated = deliveries("payment.succeeded", "membership.deactivated")


def deliver(delivery):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        response = client.post("/webhooks", data=delivery["body"], headers=delivery["headers"])
    assert response.status_code == 204, response.status_code
    return output.getvalue().split()


payment = json.loads(succeeded["body"])["data"]
license_key, *rest = deliver(succeeded)
total = payment["total"] if not isinstance(payment["total"], dict) else payment["total"]["amount"]
assert rest == [str(total), str(payment["currency"])], rest
assert license_key
membership = json.loads(deactivated["body"])["data"]
shown = deliver(deactivated)
user = membership["user"]["id"] if isinstance(membership.get("user"), dict) else membership["user_id"]
assert shown in ([], ["revoked", user]), shown
unsigned = {name: value for name, value in succeeded["headers"].items() if name != "webhook-signature"}
flask_webhooks.app.testing = False
assert client.post("/webhooks", data=succeeded["body"], headers=unsigned).status_code >= 400
