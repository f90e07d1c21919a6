"""Approves the entries that are pending, and names the price of a plan."""

import os

from api import ids
from client import make_client
from entry_desk import Desk, EntryRepository, PlanCatalog, Settings

client, said = make_client(), []
repository = EntryRepository(client, Settings(os.environ["WHOP_COMPANY_ID"]))
desk = Desk(repository, PlanCatalog(client), notify=said.append)
applicants = list(repository.pending())
assert applicants and all(one.entry and one.status for one in applicants)
assert all(one.name for one in applicants)
assert desk.run() == len(said)
price, currency = desk.offer(ids("plans")[0]).split()
assert float(price) >= 0 and currency.isalpha()
