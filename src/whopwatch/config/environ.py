"""The environment variables that configure a target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from whopwatch.config.target import Secret
from whopwatch.core.errors import UsageError

ID = re.compile(r"[A-Za-z0-9_-]+")


def api_key(environ: Mapping[str, str], variable: str) -> Secret | None:
    """The key in `variable`, or None where it is unset or blank.

    Raises UsageError, without quoting it, for a key that no header can hold.
    """
    text = environ.get(variable, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable()):
        raise UsageError(
            "The API key cannot be sent.",
            where=f"environment variable {variable}",
            expected="printable ASCII characters on one line",
            got="a text that holds others",
            hint="copy the key once more",
        )
    return Secret(text)


def company_id(environ: Mapping[str, str]) -> str | None:
    """WHOP_COMPANY_ID, or None. Raises UsageError for what cannot be an id."""
    text = environ.get("WHOP_COMPANY_ID", "").strip()
    if text and not ID.fullmatch(text):
        raise UsageError(
            "WHOP_COMPANY_ID is not an id.",
            where="environment variable WHOP_COMPANY_ID",
            expected="letters, digits and underscores, such as biz_xxxxxxxxxxxxxx",
        )
    return text or None


def api_version_date(environ: Mapping[str, str]) -> str | None:
    """WHOP_API_VERSION_DATE, or None. Raises UsageError for what is no date."""
    text = environ.get("WHOP_API_VERSION_DATE", "").strip()
    if text and not is_date(text):
        raise UsageError(
            "WHOP_API_VERSION_DATE is not a date.",
            where="environment variable WHOP_API_VERSION_DATE",
            expected="a date such as 2025-01-01",
            got=f"a text of {len(text)} characters",
        )
    return text or None


def is_date(text: str) -> bool:
    """Whether `text` is a date written as 2025-01-01."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
