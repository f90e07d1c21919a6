"""Reads leads and reviews, and bills a member."""

import os

from client import make_client
from leads_sync import Sync, bill

COMPANY = os.environ["WHOP_COMPANY_ID"]
client = make_client()
sync = Sync(client, COMPANY)
leads = list(sync.leads())
assert leads and all(lead.id for lead in leads)
ids = os.environ["CORPUS_IDS"].split(",")
for product in [id for id in ids if id.startswith("prod_")][:5]:
    assert all(name and stars for name, stars in sync.stars(product).items())
