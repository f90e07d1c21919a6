"""Base URLs: which are accepted, their normal form, and which may receive a key or a write."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from whopwatch.core.errors import UsageError

PRODUCTION_HOST = "api.whop.com"
SANDBOX_HOST = "sandbox-api.whop.com"
WHOP_DOMAIN = "whop.com"
_DEFAULT_PORTS = {"http": 80, "https": 443}
WRITABLE_WHOP_HOSTS = frozenset({SANDBOX_HOST})
"""The hosts of Whop that accept writes. Every other host of its domain counts as production."""


def host_of(url: str) -> str:
    """Return the host of `url` in lower case and without a trailing dot, as DNS compares names; empty without one."""
    return (urlsplit(url).hostname or "").rstrip(".")


def is_production(url: str) -> bool:
    """Return whether `url` is on a host of Whop that never accepts writes."""
    host = host_of(url)
    return (host == WHOP_DOMAIN or host.endswith(f".{WHOP_DOMAIN}")) and host not in WRITABLE_WHOP_HOSTS


def is_local(url: str) -> bool:
    """Return whether `url` is on this machine: localhost or a loopback address."""
    host = host_of(url)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_unencrypted(url: str, where: str, hint: str = "use https") -> None:
    """Raise UsageError for a URL to which a key must not be sent: neither https nor on this machine.

    Every URL that is sent a key has to pass this check.
    """
    if urlsplit(url).scheme != "https" and not is_local(url):
        raise UsageError(
            "The API key would be sent unencrypted.",
            where=where,
            expected="https://, or an address of this machine",
            got=f"{urlsplit(url).scheme}://{host_of(url)}",
            hint=hint,
        )


def normal_base_url(text: str, where: str, version: str = "v1") -> str:
    """Return `text` as a base URL: scheme and host in lower case, no trailing slash or dot, no default port.

    Raises UsageError, naming `where` the text comes from, for a URL that cannot be the base of an API: another scheme,
    no host, a user or password, a query or fragment, or a host of Whop without /api/`version`.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise _invalid(where, "a URL with a valid host and port", "an invalid URL") from None
    host = host_of(text.strip())
    if parts.scheme not in ("http", "https") or not host:
        raise _invalid(where, "http:// or https:// and a host", f"scheme {parts.scheme[:20]!r}, host {host[:60]!r}")
    if parts.username is not None or parts.password is not None:
        raise _invalid(where, "no user or password in the URL", "a user or password", "set WHOP_API_KEY instead")
    if parts.query or parts.fragment:
        raise _invalid(where, "no query and no fragment", "a query" if parts.query else "a fragment")
    if any(character.isspace() or not character.isprintable() for character in parts.netloc + parts.path):
        raise _invalid(where, "no spaces or control characters", "a URL with a space or control character")
    host = _ascii_host(host, where)
    _check_whop_path(parts, host, where, f"/api/{version}")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        netloc = f"{netloc}:{port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def v2_of(base_url: str) -> str:
    """Return the base URL of v2 that belongs to a base URL of v1."""
    return base_url[:-1] + "2" if base_url.endswith("/v1") else base_url


def _ascii_host(host: str, where: str) -> str:
    """Return an international host name as DNS has it."""
    if host.isascii():
        return host
    import idna  # needed for few hosts

    try:
        return idna.encode(host).decode("ascii")
    except idna.IDNAError:
        raise _invalid(where, "a valid host name", repr(host[:60])) from None


def _check_whop_path(parts: SplitResult, host: str, where: str, path: str) -> None:
    """Check scheme and path on the hosts of Whop, where only one is right; elsewhere nothing is known of the path."""
    right = {PRODUCTION_HOST: PRODUCTION_HOST, WHOP_DOMAIN: PRODUCTION_HOST, f"www.{WHOP_DOMAIN}": PRODUCTION_HOST}
    expected = {**right, SANDBOX_HOST: SANDBOX_HOST}.get(host)
    if expected and (host != expected or parts.path.rstrip("/") != path or parts.scheme != "https"):
        got = f"{parts.scheme}://{host}" + (parts.path if len(parts.path) <= 12 else "/...")
        raise _invalid(where, f"https://{expected}{path}", got)


def _invalid(where: str, expected: str, got: str, hint: str | None = None) -> UsageError:
    return UsageError("The base URL of the target is invalid.", where=where, expected=expected, got=got, hint=hint)
