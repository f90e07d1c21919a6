"""What a delivery that does not verify says about who sends it."""

from __future__ import annotations

from whopwatch.core.finding import Finding, Severity
from whopwatch.signature import Reason, Refusal
from whopwatch.webhooks.checks import found
from whopwatch.webhooks.delivery import UNKNOWN

MEANINGS = {
    Reason.MISSING_HEADER: "a delivery comes without a header that it has to have",
    Reason.REPEATED_HEADER: "a delivery has one of its headers twice, and they differ",
    Reason.BAD_ID: "the id of a delivery is not one",
    Reason.BAD_TIMESTAMP: "the timestamp of a delivery is not in seconds",
    Reason.TOO_OLD: "a delivery was signed too long ago",
    Reason.TOO_NEW: "a delivery was signed in the future",
    Reason.MALFORMED_SIGNATURE: "the signature is not written as documented",
    Reason.UNKNOWN_VERSION: "the signature is of another version",
    Reason.MISMATCH: "the signature does not fit",
    Reason.KEY_FORM: "the signature was made with another form of the secret",
    Reason.CHANGED_BYTES: "the body is not the one that was signed",
}


def of_refusal(refusal: Refusal, event: str = UNKNOWN) -> Finding:
    """The finding that a refused delivery makes. Of the event nothing is known before the signature fits."""
    return found(
        "signature",
        "D23",
        Severity.CRITICAL,
        event,
        f"header:{refusal.header}",
        expected=refusal.expected,
        observed=refusal.got,
        what=MEANINGS[refusal.reason],
    )
