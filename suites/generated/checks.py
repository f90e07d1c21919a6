"""Run whopwatch's checks as Schemathesis checks: each one judges a response to Schemathesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis

from suites.conftest import finding_texts
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS as ALL_CHECKS
from whopwatch.checks.registry import Check
from whopwatch.contract import Operation, load
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.generate.adapter import KEY_PLACEHOLDER
from whopwatch.usage.impact import weigh_finding
from whopwatch.usage.profile import Profile

SchemathesisCheck = Callable[[schemathesis.CheckContext, schemathesis.Response, schemathesis.Case[Any]], None]

SINGLE_RESPONSE_CHECKS = tuple(
    check
    for check in ALL_CHECKS
    if check.id in ("status", "content", "schema", "fields", "envelope", "paging", "deprecation")
)
"""The checks that need a single response. The others compare responses to requests that only the planner sends."""


def exchange_of(operation: Operation, response: schemathesis.Response, case: schemathesis.Case[Any]) -> Exchange:
    """Return a request and response of Schemathesis as an Exchange."""
    authorization = response.request.headers.get("authorization")
    return Exchange(
        operation=operation.id,
        purpose=Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
        method=operation.method,
        url=response.request.url or "",
        path_params={name: str(value) for name, value in (case.path_parameters or {}).items()},
        query=tuple(parse_qsl(urlsplit(response.request.url or "").query, keep_blank_values=True)),
        credential="key" if authorization == KEY_PLACEHOLDER else "wrong" if authorization else "none",
        status=response.status_code,
        headers=tuple((name, value) for name, values in response.headers.items() for value in values),
        body=response.content,
    )


def findings(check: Check, response: schemathesis.Response, case: schemathesis.Case[Any]) -> list[Finding]:
    """Return the findings of `check` about the response to `case`."""
    contract = load()
    operation = contract.operation(case.operation.definition.raw["operationId"])
    evidence = Evidence(contract, [exchange_of(operation, response, case)])
    found = [finding for finding in run_checks(contract, evidence, [check]) if finding.breaks]
    return [weigh_finding(finding, _PROFILES[-1]) if _PROFILES else finding for finding in found]


_PROFILES: list[Profile] = []


def use_profile(profile: Profile | None) -> None:
    """Give each finding from now on its impact, if there is a usage profile."""
    _PROFILES[:] = [profile] if profile else []


def _registered(check: Check) -> SchemathesisCheck:
    def judge(_: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
        found = findings(check, response, case)
        if found:
            raise AssertionError(finding_texts(found))

    judge.__name__ = f"whop_{check.id}"
    schemathesis.check(judge)
    return judge


CHECKS = tuple(_registered(check) for check in SINGLE_RESPONSE_CHECKS)
"""The registered checks, named `whop_schema`, `whop_status` and so on."""
