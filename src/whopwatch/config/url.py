"""Base URLs: what is accepted, and the one form in which they are kept."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from whopwatch.config.target import PRODUCTION_HOSTS
from whopwatch.core.errors import UsageError

SANDBOX_HOST = "sandbox-api.whop.com"


def normal_base_url(text: str, where: str) -> str:
    """`text` as a base URL: lower-case scheme and host, no trailing slash.

    Raises UsageError, naming `where` the text came from, for anything that cannot be the base of an API:
    another scheme, no host, a user or password, a query or fragment, or a host of Whop's without its /api/v1.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise _refused(where, "an address with a valid host and port", "one that cannot be read") from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise _refused(where, "http:// or https:// and a host", "another scheme, or no host")
    if parts.username is not None or parts.password is not None:
        raise _refused(where, "no user or password in the address", "one that holds them", "set WHOP_API_KEY instead")
    if parts.query or parts.fragment:
        raise _refused(where, "no query and no fragment", "an address that has one")
    if any(character.isspace() or not character.isprintable() for character in parts.netloc + parts.path):
        raise _refused(where, "an address without blanks and control characters", "one that holds them")
    _refuse_half_a_whop_address(parts, host, where)
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc = f"{netloc}:{port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def v2_of(base_url: str) -> str:
    """The base URL of v2 that belongs to a base URL of v1."""
    return base_url[:-1] + "2" if base_url.endswith("/v1") else base_url


def is_local(base_url: str) -> bool:
    """Whether `base_url` is on this machine, by its name or a loopback address."""
    host = urlsplit(base_url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_half_a_whop_address(parts: SplitResult, host: str, where: str) -> None:
    """On Whop's own hosts there is one right path, so that a wrong one is certain; elsewhere it is not."""
    right = {"api.whop.com": "api.whop.com", SANDBOX_HOST: SANDBOX_HOST}.get(host)
    if right is None and host in PRODUCTION_HOSTS:
        right = "api.whop.com"
    if right and (host != right or parts.path.rstrip("/") != "/api/v1" or parts.scheme != "https"):
        raise _refused(where, f"https://{right}/api/v1", "another scheme, host or path")


def _refused(where: str, expected: str, got: str, hint: str | None = None) -> UsageError:
    return UsageError("The target's address cannot be used.", where=where, expected=expected, got=got, hint=hint)
