"""The check of fields: undocumented ones, and ids with an undocumented prefix."""

from __future__ import annotations

from tests.checks.support import exchange, found, listed_review, page, retrieved, review, rules
from whopwatch.contract import Contract
from whopwatch.core.finding import Severity


def test_an_undocumented_field_is_info(contract: Contract) -> None:
    (finding,) = found(contract, "fields", retrieved(review(shoe_size=43)), retrieved(review()))

    assert rules([finding]) == [("undocumented-field", "/shoe_size")]
    assert (finding.severity, finding.drift_class, finding.samples) == (Severity.INFO, "D19", 2)
    assert finding.message == "reviews.retrieve: /shoe_size is not documented (1 of 2 responses)."


def test_an_id_with_another_prefix_is_found(contract: Contract) -> None:
    items = [listed_review(1), listed_review(2, user={"id": "usr_1", "name": None, "username": "jo"})]

    (finding,) = found(contract, "fields", exchange("reviews.list", page(items)))

    assert rules([finding]) == [("id-prefix", "/data/*/user/id")]
    assert (finding.severity, finding.drift_class) == (Severity.HIGH, "D12")
    assert (finding.expected, finding.samples, finding.violations) == ("an id that starts with user_", 2, 1)
    assert finding.message.endswith("(1 of 2 items).")


def test_a_field_of_the_page_counts_responses(contract: Contract) -> None:
    (finding,) = found(
        contract, "fields", exchange("reviews.list", {**page([listed_review(), listed_review(2)]), "total": 2})
    )

    assert (finding.location, finding.samples) == ("/total", 1)


def test_documented_fields_are_not_found(contract: Contract) -> None:
    assert found(contract, "fields", retrieved(review()), retrieved(review(stars="wrong type"))) == []


def test_the_keys_of_a_map_are_one_finding(contract: Contract) -> None:
    emails = {f"user{number}@example.com": number for number in range(312)}
    cards = {f"42424242424242{number}": number for number in range(10, 13)}

    answers = [retrieved(review(**emails, **cards)), retrieved(review(**{"another@example.com": 1}))]
    by_location = {finding.location: finding for finding in found(contract, "fields", *answers)}

    assert by_location.keys() == {"/{email}", "/{digits}"}
    assert by_location["/{email}"].observed.startswith("a map with 312 keys like e-mail addresses, a field whose name")
    assert (by_location["/{email}"].samples, by_location["/{email}"].violations) == (2, 2)
    assert by_location["/{digits}"].observed == "a map with 3 keys like numbers"


def test_many_undocumented_names_are_a_map(contract: Contract) -> None:
    few = {f"nick{word}": 1 for word in "abcdefghij"}
    many = {f"{first}{second}": 1 for first in ("anna", "bert", "carl") for second in ("smith", "jones", "brown")}
    many |= {f"x{name}": 1 for name in many} | {f"y{name}": 1 for name in many}

    assert len(found(contract, "fields", retrieved(review(**few)))) == len(few)
    (finding,) = found(contract, "fields", retrieved(review(**many)))
    assert (finding.location, finding.observed) == ("/{name}", "a map with 27 keys like names")
