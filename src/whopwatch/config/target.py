"""Target and Secret: base URLs (accepted ones, their normal form, which may get a key or a write), and keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import MASK, remember

PRODUCTION_HOST = "api.whop.com"
SANDBOX_HOST = "sandbox-api.whop.com"
WHOP_DOMAIN = "whop.com"
_DEFAULT_PORTS = {"http": 80, "https": 443}
WRITABLE_WHOP_HOSTS = frozenset({SANDBOX_HOST})
"""The hosts of Whop that accept writes. Every other host of its domain counts as production."""


def host_of(url: str) -> str:
    """Return the host of `url` in lower case and without a trailing dot, as DNS compares names; empty without one."""
    return (urlsplit(url).hostname or "").rstrip(".")


def is_whop(url: str) -> bool:
    """Return whether `url` is on a host of Whop, the sandbox included."""
    host = host_of(url)
    return host == WHOP_DOMAIN or host.endswith(f".{WHOP_DOMAIN}")


def is_production(url: str) -> bool:
    """Return whether `url` is on a host of Whop that never accepts writes."""
    return is_whop(url) and host_of(url) not in WRITABLE_WHOP_HOSTS


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

    Raise UsageError, naming `where` the text comes from, for a URL that cannot be the base of an API: another scheme,
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


VERSION_OF_KEY = "key"
"""The `api_version_date` that sends no Api-Version-Date header: the API uses the version that the key is pinned to."""
FILE_SUFFIX = "_FILE"
_MAX_BYTES = 64 << 10


class Secret:
    """A key that no output shows: only `reveal()` returns it, and every text that leaves the process is redacted."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        remember(text)

    def reveal(self) -> str:
        """Return the key."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret must not be written to a file or sent to another process")


@dataclass(frozen=True)
class Target:
    """One API to check.

    `base_url` ends with the version (`https://api.whop.com/api/v1`) and has no trailing slash. `rate` is in requests
    per second, None for no limit; `concurrency` is the number of concurrent requests. `api_version_date` is
    the version to request, `key` for that of the key, None if the user named none. `known_ids` gives an id by resource,
    for resources to which no list leads. `allow_unchecked` are patterns of the operations that the key need not be
    allowed to use (`payments.*`, `*`). Raise UsageError for a writable target on a production host.
    """

    name: str
    base_url: str
    v2_base_url: str
    api_key: Secret | None = None
    company_id: str | None = None
    writable: bool = False
    rate: float | None = None
    concurrency: int = 1
    api_version_date: str | None = None
    contract: str | None = None
    known_ids: Mapping[str, str] = field(default_factory=dict)
    allow_unchecked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.writable and self.is_production:
            raise UsageError(
                "Writes to production are not allowed.",
                where=f"target {self.name!r}",
                expected="a read-only target",
                hint="run the checks that write against the simulator or the sandbox",
            )

    @property
    def is_production(self) -> bool:
        """Return whether any request of the target goes to the live API, whatever its name."""
        return self.name == "production" or any(map(is_production, (self.base_url, self.v2_base_url)))

    @property
    def version_header(self) -> str | None:
        """Return the value of the Api-Version-Date header, None for no header."""
        return None if self.api_version_date == VERSION_OF_KEY else self.api_version_date


def read_secret(environ: Mapping[str, str], variable: str) -> str:
    """Return the secret in `variable`, or in the file that `variable`_FILE names; empty without one.

    The file may be a descriptor (/dev/fd/3), so that the secret is in no environment. Raise UsageError if both
    variables are set, or if the file cannot be read. The errors never quote the secret, and no output shows it from
    here on.
    """
    text = _read(environ, variable)
    for part in re.split(r"[\s,]+", text):
        remember(part)
    return text


def _read(environ: Mapping[str, str], variable: str) -> str:
    text, name = environ.get(variable, "").strip(), environ.get(f"{variable}{FILE_SUFFIX}", "").strip()
    if not name:
        return text
    where = f"environment variable {variable}{FILE_SUFFIX}"
    if text:
        raise UsageError(
            "Two variables name the same secret.",
            where=where,
            expected=f"{variable} or {variable}{FILE_SUFFIX}",
            got="both",
            hint=f"unset {variable}",
        )
    try:
        return _content(name)
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or "a file that is not short text"
        raise UsageError("The file of a secret cannot be read.", where=where, expected="a file", got=got) from None


@cache  # a pipe can be read once only
def _content(name: str) -> str:
    with Path(name).open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("too long")
    return content.decode("utf-8").strip()
