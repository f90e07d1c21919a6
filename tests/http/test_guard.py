"""The decision what may leave."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.support import BASE, CONTRACT, call, target
from whopwatch.config import Target
from whopwatch.http import Guard, url_of

GUARD = Guard(target(), CONTRACT)
WRITER = Guard(target(writable=True), CONTRACT)


def refusal(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bool = False) -> str:
    """The guard's reason, or the empty string where it lets the request through."""
    return GUARD.refuse(method, url, headers or {}, body) or ""


@pytest.mark.parametrize(
    "path", ["/products", "/products?first=2", "/products/prod_1", "/users/user_1/check_access", "/plans/a%20b"]
)
def test_documented_reads_pass(path: str) -> None:
    assert refusal(BASE + path) == ""


def test_every_documented_read_passes_and_no_write_does() -> None:
    for operation in CONTRACT.operations.values():
        base = BASE if operation.api == "v1" else f"{BASE[:-1]}2"
        for template in (operation.path, *operation.alternate_paths):
            url = base + operation.fill(dict.fromkeys(("id", *_names(template)), "x1"), template)
            assert bool(refusal(url, operation.method)) is not (operation.method == "GET"), operation.id
            assert WRITER.refuse(operation.method, url, {}, operation.method != "GET") is None, operation.id


def _names(template: str) -> list[str]:
    return [part.partition("}")[0] for part in template.split("{")[1:]]


@given(st.text(max_size=8).filter(lambda method: method != "GET"))
def test_a_read_only_target_gets_no_other_method(method: str) -> None:
    assert "read-only" in refusal(f"{BASE}/products", method)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/api/v1/products",
        "https://api.example.com:8443/api/v1/products",
        "https://api.example.com.evil.example/api/v1/products",
        "https://evil.example/api/v1/products",
        "https://api.example.com@evil.example/api/v1/products",
        "https://user:pass@api.example.com/api/v1/products",
        "https://evil.example/https://api.example.com/api/v1/products",
        "//api.example.com/api/v1/products",
        "/api/v1/products",
        "HTTPS://API.EXAMPLE.COM/api/v1/products",
        "https://api.example.com/api/v1",
        "https://api.example.com/api/v10/products",
        "https://api.example.com/api/v3/products",
        "",
    ],
)
def test_a_url_elsewhere_is_refused(url: str) -> None:
    assert "base URL" in refusal(url)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/products/prod_1/nothing",
        "/products/",
        "//products",
        "/products/..",
        "/products/../plans",
        "/products/.",
        "/products/%2e%2e",
        "/products/%2E./x",
        "/products/%252e%252e",
        "/products/a%2fb",
        "/products/a%2Fb",
        "/products/a%252fb",
        "/products/a%25252525252fb",
        "/products/a%5cb",
        "/products/a%3f_method=delete",
        "/products/a%253fb",
        "/products/a%23b",
        "/products/a%00",
        "/products/a%0d%0aHost:%20evil.example",
        "/products/a\\b",
        "/products/..;x",
        "/products/%c0%ae%c0%ae",
        "/products/prod_1#fragment",
        "/products/prod 1",
        "/products/prod_1\r\nHost: evil.example",
        "/products/é",
        "/products?_method=delete",
        "/products?first=1&_METHOD=delete",
        "/products?a=1;_method=delete",
        "/products?%5Fmethod=delete",
        "/products?+_method=delete",
        "/products?x-http-method-override=DELETE",
    ],
)
def test_a_path_or_query_with_a_second_meaning_is_refused(path: str) -> None:
    assert refusal(BASE + path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-HTTP-Method-Override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("X-Method-Override", "PATCH"),
        ("X-Original-URL", "/api/v1/products/prod_1"),
        ("X-Rewrite-URL", "/"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABk"),
        ("Host", "evil.example"),
        ("Host", "api.example.com, evil.example"),
        ("X-Anything", "a\r\nb: c"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_a_header_with_a_second_meaning_is_refused(name: str, value: str) -> None:
    assert refusal(f"{BASE}/products", headers={name: value})


def test_common_headers_pass() -> None:
    headers = {"Accept": "application/json", "Host": "api.example.com", "Authorization": "Bearer x", "X-Y": "z"}
    assert refusal(f"{BASE}/products", headers=headers) == ""


def test_a_get_carries_no_body() -> None:
    assert "body" in refusal(f"{BASE}/products", body=True)


@given(st.text(), st.text(max_size=5), st.dictionaries(st.text(), st.text()), st.booleans())
def test_nothing_undocumented_passes_whatever_it_looks_like(
    url: str, method: str, headers: dict[str, str], body: bool
) -> None:
    assert refusal(url, method, headers, body)
    assert refusal(f"{BASE}/{url}", method, headers, body) or url in {"products", "plans"}


@given(st.text(min_size=1))
def test_what_passes_goes_where_it_says(id: str) -> None:
    url = url_of(call("products.retrieve", id=id), target())
    if not refusal(url):
        assert str(httpx.URL(url)) == url
        assert httpx.URL(url).host == "api.example.com"
        assert GUARD.operation("GET", url) is CONTRACT.operation("products.retrieve")


@pytest.mark.parametrize("host", ["api.whop.com", "api.whop.com.", "data.whop.com"])
def test_nothing_is_written_to_production_under_any_name(host: str) -> None:
    """The guard does not rely on Target, which refuses such a target, too."""
    base = "https://elsewhere.example/api/v1"
    sneaky = Target("own", base, f"https://{host}/api/v2")
    object.__setattr__(sneaky, "writable", True)
    assert Guard(sneaky, CONTRACT).refuse("POST", f"{base}/products", {}, True)


def test_a_writable_target_gets_documented_writes_only() -> None:
    assert WRITER.refuse("POST", f"{BASE}/products", {}, True) is None
    assert WRITER.refuse("DELETE", f"{BASE}/products/prod_1", {}, False) is None
    for method in ("PUT", "TRACE", "OPTIONS", "HEAD", "CONNECT"):
        assert WRITER.refuse(method, f"{BASE}/products", {}, False)


def test_a_reason_holds_no_value() -> None:
    reasons = [
        refusal(f"{BASE}/products/s3cr3t/x"),
        refusal(f"{BASE}/products/a%2fs3cr3t"),
        refusal(f"{BASE}/products", headers={"X-Method-Override": "s3cr3t"}),
    ]
    assert all(reasons)
    assert "s3cr3t" not in "".join(reasons)


def test_an_id_may_be_encoded_four_times_but_no_more() -> None:
    assert refusal(f"{BASE}/products/a%2525252D") == ""
    assert "encoded several times" in refusal(f"{BASE}/products/a%252525252D")
