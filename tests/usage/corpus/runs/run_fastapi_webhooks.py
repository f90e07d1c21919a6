"""Delivers events to the FastAPI handler."""

import contextlib
import io
import json

from deliveries import deliveries
from fastapi.testclient import TestClient
from fastapi_webhooks import app

client = TestClient(app)
FIELDS = {
    "dispute.created": ("amount", "reason"),
    "refund.created": ("status",),
    "refund.updated": ("status",),
    "invoice.paid": ("number", "email_address"),
}
for (event, fields), delivery in zip(FIELDS.items(), deliveries(*FIELDS), strict=True):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        response = client.post("/whop", content=delivery["body"], headers=delivery["headers"])
    assert response.status_code == 200
    data = json.loads(delivery["body"])["data"]
    assert output.getvalue() == " ".join(str(data[name]) for name in fields) + "\n", event
