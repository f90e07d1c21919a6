"""The list of companies."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.config.shard import Shard
from whopwatch.config.targets_file import Company, read_companies
from whopwatch.core.errors import ConfigError

GOOD = '[[companies]]\nname = "acme"\napi_key_env = "ACME"\ncompany_id = "biz_1"\n'


def test_the_list_of_companies(tmp_path: Path) -> None:
    file = tmp_path / "companies.toml"
    file.write_text(GOOD + '[[companies]]\nname = "other"\ntarget = "sandbox"\nbaseline = "x.sqlite"\n')
    acme, other = read_companies(file)
    assert acme == Company("acme", Path("reports/baselines/acme.sqlite"), "production", "ACME", "biz_1")
    assert (other.target, other.baseline) == ("sandbox", Path("x.sqlite"))
    assert acme.environ({"ACME": "k", "WHOP_API_KEY": "other", "HOME": "/"}) == {
        "HOME": "/",
        "ACME": "k",
        "WHOP_API_KEY": "k",
        "WHOP_COMPANY_ID": "biz_1",
    }
    assert other.environ({"WHOP_COMPANY_ID": "biz_2"})["WHOP_COMPANY_ID"] == ""
    shards = [Shard(index, 2).of((other, acme)) for index in range(2)]
    assert shards == [(acme,), (other,)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("companies = 1", "a list"),
        ("companies = [", "not valid TOML"),
        ("companies = [1]", "a table of settings"),
        ('[[companies]]\ntarget = "sandbox"', "'name' is missing"),
        ('[[companies]]\nname = "a b"', "up to 64 letters"),
        (f'{GOOD}budjet = "1"', "Unknown key 'budjet'"),
        (f'{GOOD}api_key = "secret"', "must not be in a configuration file"),
        (f"{GOOD}target = 1", "a string in quotes"),
        (GOOD + GOOD, "2 companies have the same name"),
        (f'{GOOD}baseline = "x"\n[[companies]]\nname = "b"\nbaseline = "x"', "2 companies have the same baseline"),
    ],
)
def test_an_invalid_list_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "companies.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=expected) as caught:
        read_companies(file)
    assert str(file) in str(caught.value)
    assert "secret" not in str(caught.value)
