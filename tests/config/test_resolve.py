"""Options, environment and file become a target, or an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.config import Target, resolve_target, target_name
from whopwatch.config.target import is_production, refuse_unencrypted
from whopwatch.core.errors import UsageError

KEY = "apik_0123456789"
WITH_KEY = {"WHOP_API_KEY": KEY, "WHOP_COMPANY_ID": "biz_abc"}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "host"), [("production", "api.whop.com"), ("sandbox", "sandbox-api.whop.com")])
def test_named_targets(name: str, host: str) -> None:
    target = resolve_target(name, WITH_KEY)
    assert (target.base_url, target.v2_base_url) == (f"https://{host}/api/v1", f"https://{host}/api/v2")
    assert target.api_key is not None
    assert target.api_key.reveal() == KEY
    assert (target.company_id, target.writable) == ("biz_abc", False)
    assert target.rate is not None


@pytest.mark.parametrize("name", ["production", "sandbox"])
@pytest.mark.parametrize("environ", [{}, {"WHOP_API_KEY": "  "}])
def test_a_named_target_without_a_key_says_what_to_set(name: str, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="export WHOP_API_KEY") as caught:
        resolve_target(name, environ)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://127.0.0.1:8080/api/v1/", "http://127.0.0.1:8080/api/v1"),
        ("HTTP://LocalHost:8080", "http://localhost:8080"),
        ("http://[::1]:9/api/v1", "http://[::1]:9/api/v1"),
        ("https://example.com/deep/api/v1//", "https://example.com/deep/api/v1"),
        ("https://api.whop.com/api/v1/", "https://api.whop.com/api/v1"),
        ("https://bücher.example/api/v1", "https://xn--bcher-kva.example/api/v1"),
    ],
)
def test_base_urls_have_one_form(given: str, kept: str) -> None:
    assert resolve_target(given, WITH_KEY).base_url == kept


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com", "http:// or https://"),
        ("https://", "http:// or https://"),
        ("https://user:hunter2@example.com/api/v1", "no user or password"),
        ("https://example.com/api/v1?x=1", "no query"),
        ("https://example.com:99999/api/v1", "valid host and port"),
        ("https://exa mple.com/api/v1", "no spaces"),
        ("https://ａpi.whop.com/api/v1", "a valid host name"),
        ("https://api.whop.com", "https://api.whop.com/api/v1"),
        ("https://api.whop.com/v1", "https://api.whop.com/api/v1"),
        ("http://api.whop.com/api/v1", "https://api.whop.com/api/v1"),
        ("https://whop.com/api/v1", "https://api.whop.com/api/v1"),
        ("https://sandbox-api.whop.com/api", "https://sandbox-api.whop.com/api/v1"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError, match="base URL of the target is invalid") as caught:
        resolve_target(url, WITH_KEY)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_key_does_not_cross_a_network_unencrypted() -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        resolve_target("http://example.com/api/v1", WITH_KEY)
    assert resolve_target("http://example.com/api/v1", {}).api_key is None
    assert resolve_target("http://127.0.0.2:1/api/v1", WITH_KEY).api_key is not None


def test_only_a_target_on_this_machine_is_unpaced() -> None:
    here, there = resolve_target("http://127.0.0.1:1/api/v1", {}), resolve_target("https://example.com/api/v1", {})
    assert (here.rate, here.concurrency) == (None, 1)
    assert (there.rate, there.concurrency) == (30.0, 8)


def test_a_misspelt_name_is_corrected() -> None:
    with pytest.raises(UsageError, match="did you mean 'sandbox'"):
        resolve_target("sandbx", WITH_KEY)


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel", "tab\tbed"])
def test_a_key_that_no_header_can_hold_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(UsageError, match="no HTTP header") as caught:
        resolve_target("sandbox", {"WHOP_API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(("variable", "value"), [("WHOP_COMPANY_ID", "biz/../x"), ("WHOP_API_VERSION_DATE", "soon")])
def test_a_malformed_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=variable):
        resolve_target("sandbox", {**WITH_KEY, variable: value})


@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1", "key"])
def test_the_version_of_the_environment_is_kept(version: str) -> None:
    environ = {**WITH_KEY, "WHOP_API_VERSION_DATE": version}
    assert resolve_target("sandbox", environ).api_version_date == version


def test_no_url_that_gets_a_key_may_be_unencrypted(tmp_path: Path) -> None:
    file = tmp_path / "whopwatch.toml"
    text = "[targets.x]\nbase_url = 'https://e.com/api/v1'\nv2_base_url = 'http://e.com/api/v2'\n"
    file.write_text(text)
    with pytest.raises(UsageError, match="unencrypted") as caught:
        resolve_target("x", WITH_KEY, file)
    assert "http://e.com" in str(caught.value)
    assert resolve_target("x", {}, file).v2_base_url == "http://e.com/api/v2"
    file.write_text(f"{text}allow_http = true")
    assert resolve_target("x", WITH_KEY, file).v2_base_url == "http://e.com/api/v2"


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [
        ("https://e.com", True),
        ("http://localhost:1", True),
        ("http://localhost.:1", True),
        ("http://[::1]", True),
        ("http://127.9.9.9/x", True),
        ("http://e.com", False),
        ("http://127.0.0.1.e.com", False),
        ("ws://e.com", False),
    ],
)
def test_a_key_is_sent_over_https_or_within_this_machine(url: str, encrypted: bool) -> None:
    if encrypted:
        refuse_unencrypted(url, "here")
    else:
        with pytest.raises(UsageError, match="unencrypted"):
            refuse_unencrypted(url, "here")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.whop.com./api/v1",
        "https://API.WHOP.COM.:443/api/v1",
        "https://whop.com/x",
        "https://data.whop.com",
        "https://sandbox-api.whop.com.evil.whop.com",
    ],
)
def test_every_host_of_whop_but_the_sandbox_is_production(url: str) -> None:
    assert is_production(url)
    with pytest.raises(UsageError, match="Writes to production"):
        Target("mine", url, url, writable=True)
    with pytest.raises(UsageError, match="Writes to production"):
        Target("mine", "https://example.com", url, writable=True)


@pytest.mark.parametrize(
    "url", ["https://sandbox-api.whop.com./api/v1", "https://notwhop.com", "https://whop.com.example", "x"]
)
def test_other_hosts_are_not_production(url: str) -> None:
    assert not is_production(url)


def test_a_trailing_dot_is_removed_from_the_host() -> None:
    assert resolve_target("https://example.com./api/v1", {}).base_url == "https://example.com/api/v1"


def test_the_option_wins_over_the_environment() -> None:
    environ = {"WHOP_BASE_URL": "https://example.com/api/v1"}
    assert target_name(None, {}) == "simulator"
    assert target_name(None, environ) == "https://example.com/api/v1"
    assert target_name("production", environ) == "production"


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("is_option", [True, False])
def test_a_blank_target_is_not_the_simulator(blank: str, is_option: bool) -> None:
    option, environ = (blank, {}) if is_option else (None, {"WHOP_BASE_URL": blank})
    with pytest.raises(UsageError, match="--target" if is_option else "WHOP_BASE_URL"):
        target_name(option, environ)


@pytest.mark.parametrize("given", [KEY, f"https://api.whop.com/{KEY}", f"https://{KEY}@example.com/api/v1"])
def test_a_key_in_place_of_a_target_is_not_repeated(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_target(given, {})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"), [("production", "https://example.com"), ("mine", "https://api.whop.com/api/v1")]
)
def test_production_is_never_writable_under_any_name(name: str, url: str) -> None:
    with pytest.raises(UsageError, match="Writes to production"):
        Target(name, url, url, writable=True)
    assert Target("sandbox", "https://sandbox-api.whop.com/api/v1", "", writable=True).writable
