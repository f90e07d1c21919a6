"""The check of errors: schema, media type and type by status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Severity


def error(kind: str, **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": "no", **more}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error("invalid_request_error"), []),
        (404, error("not_found", code=None), []),
        (400, error("not_found"), [("error-type", "/error/type")]),
        (418, error("teapot"), []),  # no type is declared for it
        (403, {"error": {"code": "no", "message": "no"}}, []),
        (403, {"error": {"type": "forbidden"}}, [("error-schema", "/error")]),
        (403, {"message": "no"}, [("error-schema", "/error")]),
        (499, {"message": "no"}, [("error-schema", "/error")]),
        (500, {"message": "no"}, []),
        (200, {"message": "no"}, []),
    ],
)
def test_an_error_has_the_documented_form(
    contract: Contract, status: int, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert rules(found(contract, "envelope", exchange("plans.list", body, status=status))) == expected


def test_an_error_that_is_not_json_is_found_at_the_body(contract: Contract) -> None:
    (finding,) = found(contract, "envelope", exchange("plans.list", body=b"<html>", status=403, credential="none"))

    assert (finding.location, finding.severity, finding.observed) == ("", Severity.HIGH, "a body that is not-json")
    assert "the body of an error" in finding.message


def test_a_json_error_needs_the_media_type(contract: Contract) -> None:
    headers = (("content-type", "text/plain"),)
    made = exchange("plans.list", error("forbidden"), status=403, headers=headers, purpose=Purpose.NO_SCOPE)

    (finding,) = found(contract, "envelope", made, exchange("plans.list", error("forbidden"), status=403))

    assert rules([finding]) == [("error-media-type", "header:content-type")]
    assert (finding.severity, finding.violations, finding.samples) == (Severity.MEDIUM, 1, 2)
    assert finding.message.endswith("(1 of 2 error responses).")


def test_the_type_of_an_error_names_what_is_expected(contract: Contract) -> None:
    (finding,) = found(contract, "envelope", exchange("plans.list", error("x"), status=400))

    assert (finding.expected, finding.severity) == ("bad_request or invalid_request_error", Severity.MEDIUM)
    assert "status 400" in finding.message
