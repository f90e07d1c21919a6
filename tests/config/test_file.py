"""whopwatch.toml, and every way in which it argues back."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.config import resolve_target
from whopwatch.core.errors import ConfigError

GOOD = """
[targets.staging]
base_url = "http://staging.example/api/v1"
v2_base_url = "http://staging.example/other/v2"
api_key_env = "STAGING_KEY"
company_id = "biz_staging"
rate = 2
allow_http = true
api_version_date = "2025-01-01"
known_ids = { products = "prod_1" }

[targets.production]
rate = 0.5
known_ids = { courses = "cors_1" }
"""

BAD = {
    "target = 1": ("There is no setting 'target'", "did you mean 'targets'"),
    "targets = 1": ("cannot have", "tables [targets.NAME]"),
    "[targets]\nx = 1": ("cannot have", "a table of settings"),
    "[targets.x]\nbase_ulr = 'https://e.com'": ("There is no setting 'base_ulr'", "did you mean 'base_url'"),
    "[targets.x]\nrate = 1": ("needs an address", 'base_url = "https://..."'),
    "[targets.x]\nbase_url = 1": ("cannot have", "expected: a text in quotes"),
    "[targets.x]\nbase_url = ''": ("cannot have", "an empty text"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = '5'": ("cannot have", "requests a second"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = 0": ("cannot have", "got: 0"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = true": ("cannot have", "requests a second"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = nan": ("cannot have", "requests a second"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = 1e-9": ("cannot have", "from 0.01"),
    "[targets.x]\nbase_url = 'https://e.com'\nrate = inf": ("cannot have", "to 1000"),
    "[targets.x]\nbase_url = 'https://e.com'\nallow_http = 1": ("cannot have", "true or false"),
    "[targets.x]\nbase_url = 'https://e.com'\nknown_ids = []": ("cannot have", "products ="),
    "[targets.x]\nbase_url = 'https://e.com'\nknown_ids = { a = 1 }": ("cannot have", "known_ids.a"),
    "[targets.x]\nbase_url = 'https://e.com'\napi_version_date = 2025-01-01": ("cannot have", "a date or time"),
    "[targets.x]\nbase_url = 'https://e.com'\napi_version_date = 'soon'": ("is not a date", "2025-01-01"),
    "[targets.x]\nbase_url = 'https://e.com'\ncompany_id = 'a/b'": ("is not an id", "letters, digits"),
    "[targets.x]\nbase_url = 'https://e.com'\nwritable = 1": ("cannot have", "true or false"),
    "[targets.x]\nbase_url = 'https://e.com'\nreadonly = true": ("There is no setting 'readonly'", "base_url"),
    "[targets.x]\nbase_url = 'https://e.com'\napi_key = 'k3y'": ("does not belong in a file", "api_key_env"),
    "[targets.simulator]\nbase_url = 'https://e.com'": ("simulator is taken", "another name"),
    "[targets.sandbox]\nbase_url = 'https://e.com'": ("address of sandbox is fixed", "another name"),
    "[targets.x\n": ("not TOML", "line 1"),
}


def test_a_file_defines_targets_and_adds_to_the_built_in_ones(tmp_path: Path) -> None:
    file = tmp_path / "whopwatch.toml"
    file.write_text(GOOD)
    target = resolve_target("staging", {"STAGING_KEY": "k", "WHOP_API_KEY": "other"}, file)
    assert target.name == "staging"
    assert target.base_url == "http://staging.example/api/v1"
    assert target.v2_base_url == "http://staging.example/other/v2"
    assert target.api_key is not None
    assert target.api_key.reveal() == "k"
    assert (target.company_id, target.rate) == ("biz_staging", 2.0)
    assert (target.api_version_date, target.known_ids) == ("2025-01-01", {"products": "prod_1"})
    production = resolve_target("production", {"WHOP_API_KEY": "other"}, file)
    assert production.base_url == "https://api.whop.com/api/v1"
    assert (production.rate, production.known_ids) == (0.5, {"courses": "cors_1"})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "whopwatch.toml"
    file.write_text(GOOD)
    environ = {"STAGING_KEY": "k", "WHOP_COMPANY_ID": "biz_env", "WHOP_API_VERSION_DATE": "2026-01-01"}
    target = resolve_target("staging", environ, file)
    assert (target.company_id, target.api_version_date) == ("biz_env", "2026-01-01")


def test_the_file_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whopwatch.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert resolve_target("staging", {}).company_id == "biz_staging"


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_cannot_be_meant_says_why(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        resolve_target("x", {}, file)
    what, fact = BAD[text]
    assert what in caught.value.what
    assert fact in str(caught.value)
    assert str(file) in str(caught.value)
    assert "k3y" not in str(caught.value)


def test_a_named_file_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        resolve_target("sandbox", {}, tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "whopwatch.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        resolve_target("sandbox", {}, file)
