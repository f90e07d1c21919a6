"""Reads leads and reviews, and bills a member."""

import os

from api import ids
from client import make_client
from leads_sync import Sync, bill

COMPANY = os.environ["WHOP_COMPANY_ID"]
client = make_client()
sync = Sync(client, COMPANY)
leads = list(sync.leads())
assert leads and all(lead.id for lead in leads)
for product in ids("products")[:5]:
    assert all(name and stars for name, stars in sync.stars(product).items())
assert bill(client, COMPANY, ids("members")[0], due="2030-01-01T00:00:00Z").split()[0]
