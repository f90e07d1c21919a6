"""A Django view: raw JSON, a dictionary of methods, and early returns for types that are not handled."""

import json

from django.http import HttpRequest, HttpResponse
from django.views import View


class WhopHook(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        event = json.loads(request.body)
        kind = event.get("type")
        if kind == "withdrawal.created":
            self.withdrawal(event["data"])
            return HttpResponse(status=200)
        if kind != "entry.created":
            return HttpResponse(status=204)
        entry = event["data"]
        self.enter(entry["user"]["email"], entry["plan"]["id"])
        return HttpResponse(status=200)

    def withdrawal(self, data: dict) -> None:
        amount = data["amount"] - data.get("fee_amount", 0)
        print(amount, data["currency"], data["ledger_account"]["id"])

    def enter(self, email: str, plan: str) -> None:
        print(email, plan)
