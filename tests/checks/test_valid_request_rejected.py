"""The check of valid requests that get a 4xx."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, page, retrieved, review, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity

OWN = (("company_id", "biz_1"),)
OTHERS = (exchange("companies.list", page([{"id": "biz_1"}])), exchange("products.list", page([]), query=OWN))


def rejected(status: int, code: str | None = None, param: str | None = None, **more: Any) -> Exchange:
    body = {"error": {"type": "x", "message": "no", "code": code, "param": param}}
    return exchange(more.pop("operation", "plans.list"), body, status=status, **{"query": OWN, **more})


ACCEPTED = exchange("plans.list", page([]), query=OWN)
BAD_REQUESTS = [
    (rejected(400, "parameter_missing", "order"), ("optional-parameter-required", "param:order"), Severity.CRITICAL),
    (rejected(400, "parameter_missing", "zip"), ("undocumented-parameter-required", "status"), Severity.CRITICAL),
    (
        rejected(400, "parameter_missing", "company_id"),
        ("undocumented-parameter-required", "param:company_id"),
        Severity.CRITICAL,
    ),
    (rejected(400, "parameter_missing"), ("undocumented-parameter-required", "status"), Severity.CRITICAL),
    (rejected(400, "parameter_invalid", "first"), ("valid-request-invalid", "param:first"), Severity.HIGH),
    (rejected(400, "other"), ("bad-request", "status"), Severity.INFO),
]


@pytest.mark.parametrize(("made", "expected", "severity"), BAD_REQUESTS)
def test_a_400_to_a_valid_request(
    contract: Contract, made: Exchange, expected: tuple[str, str], severity: Severity
) -> None:
    (finding,) = found(contract, "refused", made)

    assert rules([finding]) == [expected]
    assert finding.severity is severity
    assert finding.message.endswith("(1 of 1 request).")


@pytest.mark.parametrize(("made", "expected", "severity"), BAD_REQUESTS)
def test_if_the_same_is_accepted_only_a_missing_parameter_counts(
    contract: Contract, made: Exchange, expected: tuple[str, str], severity: Severity
) -> None:
    is_missing = "required" in expected[0]

    assert rules(found(contract, "refused", made, ACCEPTED)) == ([expected] if is_missing else [])


def test_a_query_without_a_parameter_that_became_required(contract: Contract) -> None:
    more = {"purpose": Purpose.QUERY, "query": (*OWN, ("direction", "asc"))}
    queries = [rejected(400, "parameter_missing", "first", **more), rejected(400, "parameter_invalid", "first", **more)]

    (finding,) = found(contract, "refused", ACCEPTED, *queries)

    assert rules([finding]) == [("optional-parameter-required", "param:first")]
    assert finding.message == "plans.list: the optional parameter first is required (1 of 3 requests)."


@pytest.mark.parametrize(
    ("code", "param", "expected", "severity"),
    [
        ("parameter_missing", "zip", ("undocumented-parameter-required", "status"), Severity.CRITICAL),
        ("parameter_invalid", None, ("valid-request-invalid", "status"), Severity.HIGH),
        (None, "zip", ("valid-request-invalid", "status"), Severity.HIGH),
        (None, "first", ("valid-request-invalid", "param:first"), Severity.HIGH),
        (None, None, ("account-rejected", "status"), Severity.INFO),
    ],
)
def test_a_422_about_a_parameter_is_not_about_the_account(
    contract: Contract, code: str | None, param: str | None, expected: tuple[str, str], severity: Severity
) -> None:
    (finding,) = found(contract, "refused", rejected(422, code, param), *OTHERS)

    assert rules([finding]) == [expected]
    assert finding.severity is severity


def test_a_rejected_key_that_works_elsewhere_is_info(contract: Contract) -> None:
    for status, rule, location in [
        (401, "key-rejected", "header:authorization"),
        (403, "key-rejected", "header:authorization"),
        (422, "account-rejected", "status"),
    ]:
        (finding,) = found(contract, "refused", rejected(status), *OTHERS)
        assert rules([finding]) == [(rule, location)]
        assert (finding.severity, finding.observed) == (Severity.INFO, str(status))
        assert not found(contract, "refused", rejected(status), OTHERS[0])
        assert not found(contract, "refused", rejected(status), ACCEPTED, *OTHERS)


def test_a_list_that_is_not_found_is_a_removed_operation(contract: Contract) -> None:
    (finding,) = found(contract, "refused", rejected(404), OTHERS[0])

    assert rules([finding]) == [("list-not-found", "status")]
    assert (finding.drift_class, finding.severity, finding.expected) == ("D1", Severity.CRITICAL, "200")


@pytest.mark.parametrize(
    "others",
    [
        (),  # the company is unknown
        (exchange("companies.list", page([{"id": "biz_2"}])),),  # another one is listed
        (OTHERS[0], ACCEPTED),  # the list works at another time
    ],
)
def test_a_list_of_an_unknown_parent_may_be_missing(contract: Contract, others: tuple[Exchange, ...]) -> None:
    assert found(contract, "refused", rejected(404), *others) == []


def test_an_id_with_another_prefix_is_not_known(contract: Contract) -> None:
    listed = exchange("companies.list", page([{"id": "cmp_1"}]))

    assert found(contract, "refused", rejected(404, query=(("company_id", "cmp_1"),)), listed) == []


def test_a_parameter_that_another_operation_accepts_is_known(contract: Contract) -> None:
    assert rules(found(contract, "refused", rejected(404), OTHERS[1])) == [("list-not-found", "status")]
    assert found(contract, "refused", rejected(404, operation="payments.list_fees", path={"id": "pay_1"})) == []


LISTED = exchange("reviews.list", page([review(1)]), query=(("product_id", "prod_1"),))
MISSING = retrieved({}, status=404)


def test_a_listed_object_that_is_not_found(contract: Contract) -> None:
    (finding,) = found(contract, "refused", LISTED, MISSING)

    assert rules([finding]) == [("listed-object-not-found", "status")]
    assert (finding.drift_class, finding.severity) == ("D20", Severity.HIGH)


@pytest.mark.parametrize(
    "exchanges",
    [
        (MISSING,),
        (LISTED, retrieved({}, status=404, id="rev_2")),
        (LISTED, MISSING, retrieved(review(1))),  # found in the end
        (LISTED, MISSING, exchange("reviews.list", page([]), query=(("product_id", "prod_1"),))),  # deleted meanwhile
        (LISTED, retrieved({}, status=404, purpose=Purpose.UNKNOWN_ID)),
        (LISTED, retrieved({}, status=404, credential="none")),
    ],
)
def test_an_object_that_may_be_gone_is_not_found_missing(contract: Contract, exchanges: tuple[Exchange, ...]) -> None:
    assert found(contract, "refused", *exchanges) == []


def test_a_later_list_of_another_parent_does_not_count(contract: Contract) -> None:
    elsewhere = exchange("reviews.list", page([]), query=(("product_id", "prod_2"),))

    assert rules(found(contract, "refused", LISTED, MISSING, elsewhere)) == [("listed-object-not-found", "status")]


def test_an_operation_with_two_paths_may_miss_at_one(contract: Contract) -> None:
    made = exchange("users.check_access", {}, status=404, purpose=Purpose.RETRIEVE, path={"id": "user_1"})

    assert found(contract, "refused", exchange("users.list", page([{"id": "user_1"}])), made) == []


def test_the_object_of_another_parameter_may_be_gone(contract: Contract) -> None:
    def checked(status: int, product: str) -> Exchange:
        path = {"id": "user_1", "resource_id": product}
        return exchange("payments.retrieve", {}, status=status, purpose=Purpose.RETRIEVE, path=path)

    listed = exchange("payments.list", page([{"id": "user_1"}]))

    assert found(contract, "refused", listed, checked(404, "prod_1"), checked(200, "prod_2")) == []
    assert rules(found(contract, "refused", listed, checked(404, "prod_1"))) == [("listed-object-not-found", "status")]
