"""Suggested edits: what is renamed, and what is left to a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.usage.edits import Edits, renamed_segment
from whopwatch.usage.profile import Certainty, Profile

RENAME = ("company_id", "account_id")
PARAMETER = ("payments.list", "param:company_id")


def edited(
    folder: Path, name: str, text: str, key: tuple[str, str], rename: tuple[str, str] = RENAME, line: int = 1
) -> str | None:
    """Return the text of a file after the edit of a use at one line; None if nothing is edited."""
    file = folder / name
    file.write_text(text)
    profile = Profile(None)
    profile.use(key[0], f"{file}:{line}", Certainty.SEEN)
    if key[1] != "path":
        profile.use_field(*key, f"{file}:{line}", Certainty.SEEN)
    edits = Edits(profile, {key: rename}, {"companies.retrieve": ("companies", "accounts")})
    places = list(edits.add(*key, [f"{file}:{line}"], rename))
    assert bool(places) == bool(edits.diff())
    assert file.read_text() == text
    return edits.texts().get(str(file))


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("a.py", "x = api.list(company_id=self.company_id)\n", "x = api.list(account_id=self.company_id)\n"),
        ("a.py", "x = api.list(\n    company_id=company_id,\n)\n", "x = api.list(\n    account_id=company_id,\n)\n"),
        ("a.py", 'get("/x", params={"company_id": c})\n', 'get("/x", params={"account_id": c})\n'),
        ("a.py", 'get(f"/x?company_id={c}")\n', 'get(f"/x?account_id={c}")\n'),
        ("a.ts", "await api.list({ company_id: id });\n", "await api.list({ account_id: id });\n"),
        ("a.ts", "await api.list({ company_id });\n", "await api.list({ account_id: company_id });\n"),
        ("a.ts", "await api.list({ companyId: id });\n", "await api.list({ accountId: id });\n"),
        ("a.js", "api.payments\n  .list({ company_id: id });\n", "api.payments\n  .list({ account_id: id });\n"),
    ],
)
def test_a_name_that_is_sent(tmp_path: Path, name: str, text: str, after: str) -> None:
    assert edited(tmp_path, name, text, PARAMETER) == after


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("a.ts", "api.list({\n  company_id: companyId,\n});\n", "api.list({\n  account_id: companyId,\n});\n"),
        ("a.ts", "api.list({\n  company_id,\n});\n", "api.list({\n  account_id: company_id,\n});\n"),
        ("a.ts", "api.list({\n  id: companyId,\n});\n", None),
        ("a.py", "api.list(\n    company_id=company_id,\n)\n", "api.list(\n    account_id=company_id,\n)\n"),
        ("a.py", "api.list()\ncompany_id = 1\n", None),
    ],
)
def test_a_name_at_the_beginning_of_its_line(tmp_path: Path, name: str, text: str, after: str | None) -> None:
    assert edited(tmp_path, name, text, PARAMETER, line=2) == after


@pytest.mark.parametrize(
    "text",
    [
        "company_id = api.list(**options)\n",
        "x = api.list(company_id)\n",
        "x = api.list(company_id=1), other(company_id=2)\n",
        "x = api.list(**options)\ny = other(company_id=2)\n",
        "x = api.list(my_company_id=2)\n",
    ],
)
def test_what_is_not_certainly_the_name_is_left_to_a_person(tmp_path: Path, text: str) -> None:
    assert edited(tmp_path, "a.py", text, PARAMETER) is None


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("a.py", "print(one.phone)\n", "print(one.phone_number)\n"),
        ("a.py", 'phone = one["phone"]\n', 'phone = one["phone_number"]\n'),
        ("a.ts", "const { phone } = one;\n", "const { phone_number: phone } = one;\n"),
        ("a.ts", "print(one?.phone);\n", "print(one?.phone_number);\n"),
        ("a.py", "print(phone)\n", None),
    ],
)
def test_a_name_that_is_read(tmp_path: Path, name: str, text: str, after: str | None) -> None:
    assert edited(tmp_path, name, text, ("members.list", "/data/*/phone"), ("phone", "phone_number")) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("x = client.companies.retrieve(id)\n", "x = client.accounts.retrieve(id)\n"),
        ('x = get(f"{BASE}/companies/{id}")\n', 'x = get(f"{BASE}/accounts/{id}")\n'),
        ('x = get(f"{BASE}/companies/{id}", "/companies")\n', None),
    ],
)
def test_an_operation(tmp_path: Path, text: str, after: str | None) -> None:
    rename = ("companies.retrieve", "accounts.retrieve")
    assert edited(tmp_path, "a.py", text, ("companies.retrieve", "path"), rename) == after


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("print(one.phone, '\u2028')\nprint(one.phone)\n", encoding="utf-8")
    key = ("members.list", "/data/*/phone")
    places = [f"{file}:1", f"{file}:2"]
    profile = Profile(None)
    for place in places:
        profile.use_field(*key, place, Certainty.SEEN)
    edits = Edits(profile, {key: ("phone", "phone_number")}, {})
    assert list(edits.add(*key, places, ("phone", "phone_number"))) == places
    assert edits.texts()[str(file)].count("phone_number") == 2


def test_the_segment_that_is_renamed() -> None:
    assert renamed_segment("GET /companies/{id}", "GET /accounts/{id}") == ("companies", "accounts")
    assert renamed_segment("GET /a/{id}/b", "GET /c/{id}/d") is None
    assert renamed_segment("GET /a/{id}", "GET /a") is None
    assert renamed_segment("GET /a/{id}", "GET /a/{other}") is None
