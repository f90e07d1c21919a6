"""The drift classes: number, name, weight and meaning. Reports show the name first; numbers are stable aliases.

`docs/reference/drift-classes.md` is generated from this table (`tools/docs/drift_classes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True)
class DriftClass:
    """One class. `sent` and `received` are the usual severities in requests and in responses or webhook payloads.

    `slugs` gives a more specific name for findings of some checks or rules (`CHECK/NAME`): D20 is `pagination-broken`
    if `paging` found it.
    """

    id: str
    slug: str
    title: str
    sent: str
    received: str
    meaning: str
    slugs: Mapping[str, str] = field(default_factory=dict)


_PAGING = dict.fromkeys(("paging", "walking", "moving", "page-sizes"), "pagination-broken")
_FILTERS = dict.fromkeys(("queries", "parents"), "filter-or-order-broken")
_WRITES = dict.fromkeys(("read-back", "side-effects", "untouched"), "write-effect-wrong")

_TABLE = (
    DriftClass(
        "D1", "operation-removed", "Operation, path or event removed", "critical", "critical",
        "Every call of this operation fails, or the event never arrives. Stop using it or find its replacement.",
    ),
    DriftClass(
        "D2", "required-parameter-added", "Required parameter or field added", "critical", "info",
        "Requests without the new parameter are rejected. Send it.",
    ),
    DriftClass(
        "D3", "optional-became-required", "Optional became required", "critical", "info",
        "Requests that leave the field out are rejected. Always send it.",
    ),
    DriftClass(
        "D4", "required-became-optional", "Required became optional", "info", "high",
        "Responses may lack a field that clients rely on. Handle its absence.",
    ),
    DriftClass(
        "D5", "required-field-removed", "Required field removed", "medium", "critical",
        "Clients that read the field fail or read nothing. Handle its absence and report it to the API's owner.",
    ),
    DriftClass(
        "D6", "optional-field-removed", "Optional field removed, or no longer seen", "medium", "medium",
        "A field that used to have a value is gone from every response. Features that show it lose their data.",
    ),
    DriftClass(
        "D7", "type-changed", "Type changed", "critical", "critical",
        "Typed clients fail to parse the value. Adapt the type.",
    ),
    DriftClass(
        "D8", "type-widened-or-narrowed", "Type widened or narrowed", "info / critical", "high / info",
        "The value can have more types than before (responses), or fewer are accepted (requests).",
    ),
    DriftClass(
        "D9", "nullability-changed", "Became nullable, or no longer nullable", "info / high", "high / info",
        "Clients that do not expect null fail on it. Handle null.",
    ),
    DriftClass(
        "D10", "enum-values-changed", "Enum value added or removed", "info / high", "medium / info",
        "Clients with a closed list of values fail on an unknown one. Add the value or a default case.",
        {"schema": "enum-value-added"},
    ),
    DriftClass(
        "D11", "bounds-changed", "Bound or pattern tightened or loosened", "high / info", "info / medium",
        "Values outside the new bound are rejected (requests), or exceed what clients expect (responses).",
    ),
    DriftClass(
        "D12", "format-changed", "Format, id prefix, encoding, precision or unit changed", "high", "high",
        "The value still parses but means something else: a date without zone, cents for dollars.",
    ),
    DriftClass(
        "D13", "default-changed", "Default changed, page size included", "high", "low",
        "Requests that rely on the default get another result. Send the value explicitly.",
    ),
    DriftClass(
        "D14", "success-status-changed", "Success status removed or added", "-", "high / medium",
        "Clients that compare the status code take a success for a failure.",
        {"refused": "valid-request-rejected", "queries": "valid-request-rejected"},
    ),
    DriftClass(
        "D15", "error-response-changed", "Error status or error body changed", "-", "high",
        "Error handling that reads the status or the error body no longer works.",
    ),
    DriftClass(
        "D16", "media-type-or-header-changed", "Media type changed, or required header removed", "high", "high",
        "Clients that check the content type or read the header fail.",
    ),
    DriftClass(
        "D17", "permission-changed", "Authentication or permission added or removed", "critical", "critical",
        "A key can do less, or anybody can do more, than documented. Check the key's permissions first.",
        {"authentication": "authentication-changed"},
    ),
    DriftClass(
        "D18", "union-changed", "Union or discriminator changed", "as it narrows", "as it widens",
        "Clients cannot tell which variant a value is.",
    ),
    DriftClass(
        "D19", "undocumented-element", "Undocumented field, parameter, value or operation", "low", "low",
        "The API offers more than its documentation. Nothing breaks; do not rely on it.",
    ),
    DriftClass(
        "D20", "behaviour-changed", "Behaviour: order, filters, paging, or a list that differs from its objects", "-",
        "critical if data is lost or a traversal never ends, else high",
        "The response is valid but wrong: items are missing, repeated, unfiltered or in another order.",
        {
            **_PAGING,
            **_FILTERS,
            **_WRITES,
            "twins": "list-detail-mismatch",
            "asked-for": "tenant-isolation-broken",
            "refusals": "invalid-request-accepted",
            "refused": "valid-request-rejected",
        },
    ),
    DriftClass(
        "D21", "lifecycle-changed", "Deprecated, sunset, or another version", "medium", "medium",
        "The operation or version will be removed, another API version answers, or the supported versions changed. "
        "Plan the move.",
        {
            "version-published": "version-published",
            "version-retired": "version-retired",
            "deprecation/announced": "deprecation",
            "deprecation/near": "deprecation",
        },
    ),
    DriftClass(
        "D22", "service-level-changed", "Latency, rate limit, redirect or host changed", "high", "medium",
        "The API is slower, limits more, or has moved. Check timeouts, retries and the base URL.",
    ),
    DriftClass(
        "D23", "webhook-delivery-broken", "Webhook delivery: signature, timestamp, retry or order", "-", "critical",
        "Handlers reject, miss or repeat events.",
    ),
    DriftClass(
        "D24", "documentation-conflict", "Two sources of documentation disagree", "info", "info",
        "Nothing changed in the API. Decide which source is right.",
        {"accepted": "accepted-entry-outdated"},
    ),
    DriftClass(
        "D25", "not-checked", "Not checked for several nights", "-", "high",
        "It is unknown whether the operation still works. Give the key its permission or the account an object.",
    ),
)  # fmt: skip

DRIFT_CLASSES: Mapping[str, DriftClass] = {one.id: one for one in _TABLE}
"""Every class by its number, D1 to D25."""


def class_slug(drift_class: str, check: str = "") -> str:
    """Return the name of a class, the one for `check` or its rule (`CHECK/NAME`) if it has one.

    An unknown class is its own name.
    """
    known = DRIFT_CLASSES.get(drift_class)
    if known is None:
        return drift_class
    return known.slugs.get(check, known.slugs.get(check.partition("/")[0], known.slug))


def class_label(drift_class: str, check: str = "") -> str:
    """Return name and number as reports show them: `required-field-removed (D5)`."""
    slug = class_slug(drift_class, check)
    return slug if slug == drift_class else f"{slug} ({drift_class})"


def class_title(drift_class: str) -> str:
    """Return what a class is about: `Required field removed`. An unknown class is its own title."""
    known = DRIFT_CLASSES.get(drift_class)
    return known.title if known else drift_class


def class_number(name: str) -> str | None:
    """Return the number of the class that `name` (a number or a slug, in any case) names; None if there is none."""
    return _numbers().get(name.casefold())


@cache
def _numbers() -> Mapping[str, str]:
    names = {one.id: one.id for one in _TABLE} | {one.slug: one.id for one in _TABLE}
    names |= {slug: one.id for one in _TABLE for slug in one.slugs.values()}
    return {name.casefold(): number for name, number in names.items()}
