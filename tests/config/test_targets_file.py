"""whopwatch.toml: what it sets, and every error that it can cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.config import read_config, resolve_target, targets_file
from whopwatch.config.targets_file import find_config, is_api_version
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
allow_unchecked = ["payments.*", "members.list"]
"""

URL = "[targets.x]\nbase_url = 'https://e.com'\n"
INVALID = {
    "target = 1": ("Unknown key 'target'", "did you mean 'targets'"),
    "targets = 1": ("value is invalid", "a table such as"),
    "[targets]\nx = 1": ("value is invalid", "targets.x\n  expected: a table of settings\n  got: 1"),
    "[targets.x]\nbase_ulr = 'https://e.com'": ("Unknown key 'base_ulr'", "did you mean 'base_url'"),
    "[targets.x]\nrate = 1": ("'base_url' is missing", 'base_url = "https://..."'),
    "[targets.x]\nbase_url = 1": ("value is invalid", "a string in quotes"),
    "[targets.x]\nbase_url = ''": ("value is invalid", "an empty string"),
    f"{URL}rate = '5'": ("value is invalid", "got: '5'"),
    f"{URL}rate = 0": ("value is invalid", "got: 0"),
    f"{URL}rate = true": ("value is invalid", "got: true"),
    f"{URL}rate = nan": ("value is invalid", "requests per second"),
    f"{URL}rate = 1e-9": ("value is invalid", "from 0.01"),
    f"{URL}rate = inf": ("value is invalid", "to 1000"),
    f"{URL}allow_http = 1": ("value is invalid", "true or false"),
    f"{URL}known_ids = []": ("value is invalid", "products ="),
    f"{URL}known_ids = {{ a = 1 }}": ("value is invalid", "targets.x.known_ids.a"),
    f"{URL}api_version_date = 2025-01-01": ("value is invalid", "got: 2025-01-01"),
    f"{URL}api_version_date = 'soon'": ("value is invalid", "got: 'soon'"),
    f"{URL}company_id = 'a/b'": ("value is invalid", "letters, digits"),
    f"{URL}writable = 1": ("value is invalid", "true or false"),
    f"{URL}allow_unchecked = 'payments.list'": ("value is invalid", "a list"),
    f"{URL}readonly = true": ("Unknown key 'readonly'", "base_url"),
    f"{URL}api_key = 'k3y'": ("must not be in a configuration file", "api_key_env"),
    f"{URL}where = 'here'": ("Unknown key 'where'", "base_url"),
    "[targets.simulator]\nbase_url = 'https://e.com'": ("named simulator", "another name"),
    "[targets.sandbox]\nbase_url = 'https://e.com'": ("base URL of sandbox is fixed", "another name"),
    "[targets.x\n": ("not valid TOML", "line 1"),
}
VERSIONS = ["2025-01-01", "2026-10-15-1", "2026-09-02-12", "key"]
NO_VERSIONS = [
    "2025-13-01",
    "2025-02-30",
    "2025-1-1",
    "2025-01-01-",
    "2025-01-01-x",
    "2025-01-01-12345",
    "Key",
    "２０２５-01-01",
]


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
    assert (target.allow_unchecked, production.allow_unchecked) == ((), ("payments.*", "members.list"))


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


@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_file_is_refused_with_the_place_and_the_input(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        resolve_target("x", {}, file)
    what, fact = INVALID[text]
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


@pytest.mark.parametrize("version", [*VERSIONS, *NO_VERSIONS])
def test_a_version_is_a_date_with_an_optional_suffix_or_the_word_key(version: str, tmp_path: Path) -> None:
    assert is_api_version(version) is (version in VERSIONS)
    file = tmp_path / "whopwatch.toml"
    file.write_text(f"{URL}api_version_date = '{version}'")
    if version in VERSIONS:
        target = resolve_target("x", {}, file)
        assert target.api_version_date == version
        assert target.version_header == (None if version == "key" else version)
    else:
        with pytest.raises(ConfigError, match="2026-10-15-1"):
            resolve_target("x", {}, file)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "whopwatch.toml"
    file.write_bytes(b"\xef\xbb\xbf" + URL.encode())
    assert read_config(file)["x"].base_url == "https://e.com"


TARGET_TABLE = '[targets.mine]\nbase_url = "https://mine.example/api/v1"\n'


def test_a_file_is_found_in_a_parent_folder_up_to_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert read_config(None) == {}
    (tmp_path / "whopwatch.toml").write_text(TARGET_TABLE)
    assert find_config() == tmp_path / "whopwatch.toml"
    assert set(read_config(None)) == {"mine"}
    (inner / "whopwatch.toml").write_text(TARGET_TABLE.replace("mine", "nearer"))
    assert find_config() == Path("whopwatch.toml")
    assert set(read_config(None)) == {"nearer"}
    (inner / "whopwatch.toml").unlink()
    (tmp_path / "a" / ".git").mkdir()
    assert find_config() is None


def test_the_file_of_another_user_in_a_parent_folder_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whopwatch.toml").write_text(TARGET_TABLE)
    owner = (tmp_path / "whopwatch.toml").stat().st_uid
    (tmp_path / "inner").mkdir()
    monkeypatch.setattr(targets_file, "_is_own", lambda file: file.stat().st_uid != owner)
    assert find_config(tmp_path / "inner") is None
    assert find_config(tmp_path) == tmp_path / "whopwatch.toml"


def test_a_table_of_pyproject_is_read_strictly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"
    for other in ("[project]\nname = 'x'\n", "tool = 1\n", "not toml"):
        file.write_text(other)
        assert find_config() is None
    file.write_text(TARGET_TABLE.replace("[targets", "[tool.whopwatch.targets"))
    assert set(read_config(None)) == {"mine"}
    assert set(read_config(file)) == {"mine"}
    file.write_text("[tool.whopwatch]\ntarget = 1\n")
    with pytest.raises(ConfigError) as caught:
        read_config(None)
    assert "pyproject.toml, tool.whopwatch" in str(caught.value)
    assert "targets" in str(caught.value)
