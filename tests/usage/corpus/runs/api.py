"""Read the lists of the simulator in the environment, without the SDK."""

import json
import os
import urllib.request

COMPANY = os.environ["WHOP_COMPANY_ID"]
IS_OLD = os.environ["WHOP_API_VERSION_DATE"] == "2025-01-01"


def rows(resource):
    account = "company_id" if IS_OLD else "account_id"
    address = f"{os.environ['WHOP_BASE_URL']}/{resource}?{account}={COMPANY}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {os.environ['WHOP_API_KEY']}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["data"]


def ids(resource):
    return [row["id"] for row in rows(resource)]
