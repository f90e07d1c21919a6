"""A service with injected parts: a protocol, a repository class, calls through a helper, and dictionaries unpacked into models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from whop_sdk import Whop

T = TypeVar("T")


def with_retries(call: Callable[..., T], *args: Any, attempts: int = 3, **options: Any) -> T:
    for attempt in range(attempts):
        try:
            return call(*args, **options)
        except ConnectionError:
            if attempt == attempts - 1:
                raise
    raise AssertionError("unreachable")


@dataclass
class Settings:
    company: str
    page_size: int = 25

    @property
    def paging(self) -> dict[str, Any]:
        return {"company_id": self.company, "first": self.page_size}


@dataclass
class Applicant:
    entry: str
    name: str
    status: str
    plan: str | None = None


class Clock(Protocol):
    def today(self) -> str: ...


class EntryRepository:
    def __init__(self, client: Whop, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def pending(self) -> Iterable[Applicant]:
        page = with_retries(self._client.entries.list, **self._settings.paging, order="created_at")
        for entry in page:
            fields = entry.to_dict()
            yield Applicant(**self._row(fields))

    @staticmethod
    def _row(fields: Mapping[str, Any]) -> dict[str, Any]:
        row = {"entry": fields["id"], "status": fields["status"]}
        user = fields.get("user") or {}
        return {**row, "name": user.get("username", "")}

    def approve(self, entry_id: str) -> str:
        return with_retries(self._client.entries.approve, entry_id).job_id


class PlanCatalog:
    def __init__(self, client: Whop) -> None:
        self._plans = client.plans
        self._cache: dict[str, Any] = {}

    def __getitem__(self, plan_id: str) -> Any:
        if plan_id not in self._cache:
            self._cache[plan_id] = self._plans.retrieve(plan_id)
        return self._cache[plan_id]

    def price(self, plan_id: str) -> str:
        plan = self[plan_id]
        return "{0.initial_price} {0.currency}".format(plan)


class Desk:
    """Approves applicants; every part is passed in."""

    def __init__(self, entries: EntryRepository, plans: PlanCatalog, notify: Callable[[str], None] = print) -> None:
        self.entries, self.plans, self.notify = entries, plans, notify

    def run(self) -> int:
        approved = 0
        for applicant in self.entries.pending():
            if applicant.status != "pending":
                continue
            job = self.entries.approve(applicant.entry)
            self.notify(f"{applicant.name}: {job}")
            approved += 1
        return approved

    def offer(self, plan_id: str) -> str:
        return self.plans.price(plan_id)


def build_desk(client: Whop | None = None, company: str | None = None) -> Desk:
    whop = client or Whop(api_key=os.environ["WHOP_API_KEY"])
    settings = Settings(company or os.environ["WHOP_COMPANY_ID"])
    return Desk(EntryRepository(whop, settings), PlanCatalog(whop), notify=lambda text: None)
