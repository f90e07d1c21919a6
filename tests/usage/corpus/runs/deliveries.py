"""Print signed deliveries of events, as JSON: the simulator of the version in WHOP_API_VERSION_DATE composes them."""

import json
import os
import sys

from whopwatch.contract import load
from whopwatch.webhooks.samples import Sampler


def values(sample):
    return -sample.body.count(b":null")


def deliveries(*events):
    contract = load(os.environ["WHOP_API_VERSION_DATE"])
    sampler = Sampler(contract, os.environ["WHOP_WEBHOOK_SECRET"])
    samples = [max((sampler(event)[0] for _ in range(5)), key=values) for event in events]
    return [{"headers": one.headers, "body": one.body.decode()} for one in samples]


if __name__ == "__main__":
    print(json.dumps(deliveries(*sys.argv[1:])))
