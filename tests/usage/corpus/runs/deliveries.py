"""Print signed deliveries of events, as JSON: the simulator of the version in WHOP_API_VERSION_DATE composes them."""

import json
import os
import sys

from whopwatch.contract import load
from whopwatch.webhooks.samples import Sampler


def values(sample):
    data = json.loads(sample.body)["data"]
    referred = ("user", "user_id", "membership", "membership_id")
    return -sum(data.get(name, "") is None for name in referred), -sample.body.count(b":null")


def deliveries(*events):
    contract = load(os.environ["WHOP_API_VERSION_DATE"])
    sampler = Sampler(contract, os.environ["WHOP_WEBHOOK_SECRET"])
    samples = [max((sampler(event)[0] for _ in range(4)), key=values) for event in events]
    return [{"headers": one.headers, "body": one.body.decode()} for one in samples]


if __name__ == "__main__":
    print(json.dumps(deliveries(*sys.argv[1:])))
