"""Weigh findings by the usage profile: which of them hit the user's own code, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whopwatch.config.targets_file import beside_config
from whopwatch.contract.mcp_tools import MCP_PREFIX
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Finding, Impact
from whopwatch.core.report import DEFAULT_FAIL_ON, FAIL_ON_HITS, Report
from whopwatch.usage.profile import (
    ANY_OPERATION,
    FILE,
    LOST_EVENT,
    Certainty,
    Profile,
    Use,
    place_order,
    read_profile,
)

if TYPE_CHECKING:
    from whopwatch.diff.result import Comparison

MAX_SHOWN_PLACES = 20
"""Places of the user's code that one finding lists."""
_RANK = {Impact.HITS: 0, Impact.MAY: 1, Impact.UNUSED: 2}
_FIELD_LOCATIONS = ("/", "body:/", "param:")
_WHOLE_REQUEST = "request"
_NAME_OF_TOOL = "/name"
"""The location of a finding about a tool that is not offered."""
_UNSEEN_FIELDS = ("/page_info", "/error", "param:after", "param:before", "param:first", "param:last")
"""What an SDK or an error handler reads and sends without being seen in the code that makes the call."""
_CURSOR = "/page_info/end_cursor"
_WALKED = (_CURSOR, "/page_info/has_next_page", "param:after")
"""What walking through the pages of a list needs. Code that reads the cursor walks without the SDK."""

Weighed = tuple[Impact, tuple[str, ...]]


def choose_profile(given: Path | None, config: Path | None, fail_on: str = DEFAULT_FAIL_ON) -> Profile | None:
    """Return the profile in the file `given`, or `usage.json` where accepted.yaml is found; None without either.

    Raise UsageError if `fail_on` needs one.
    """
    path = given
    if path is None:
        beside = beside_config(FILE, config)
        path = beside if beside.is_file() else None
    if path is None and fail_on == FAIL_ON_HITS:
        raise UsageError(
            "--fail-on hits requires a usage profile.",
            where="option --fail-on",
            hint=f"whopwatch usage src -o {FILE}, then add --usage {FILE}",
        )
    return read_profile(path) if path else None


def add_impacts(report: Report, profile: Profile | None) -> Report:
    """Return the report with the impact of each finding, what hits first; the same report without a profile."""
    if profile is None:
        return report
    weighed = [weigh_finding(one, profile) for one in report.findings]
    weighed.sort(key=lambda one: _RANK[one.impact or Impact.MAY])
    return replace(report, findings=tuple(weighed))


def weigh_comparison(comparison: Comparison, profile: Profile | None) -> Comparison:
    """Return the comparison with the impact of each change, the ones that hit the user's code first."""
    if profile is None:
        return comparison
    weighed = [replace(one, finding=weigh_finding(one.finding, profile)) for one in comparison.changes]
    weighed.sort(key=lambda one: _RANK[one.finding.impact or Impact.MAY])
    return replace(comparison, changes=tuple(weighed))


def weigh_finding(finding: Finding, profile: Profile) -> Finding:
    """Return the finding with its impact: the worst of all its places, and the user's places of that impact."""
    where = [(one.operation, one.location) for one in finding.places] or [(finding.operation, finding.location)]
    is_new = finding.expected == "absent" and finding.observed.startswith("required")
    weighed = [impact_at(operation, location, profile, is_required=is_new) for operation, location in where]
    worst = min((impact for impact, _ in weighed), key=_RANK.__getitem__)
    places = {place for impact, found in weighed if impact is worst for place in found}
    shown = tuple(sorted(places, key=place_order)[:MAX_SHOWN_PLACES])
    return replace(finding, impact=worst, impact_places=shown)


def impact_at(operation: str, location: str, profile: Profile, *, is_required: bool = False) -> Weighed:
    """Return the impact of a difference at one location, and where the user's code is hit.

    `is_required` is whether requests have to name what is there from now on. Unknown stays unknown: data that goes to
    code that was not followed, or a call whose name is computed, may be hit.
    """
    use = profile.operations.get(operation)
    if operation.startswith(MCP_PREFIX):
        return _impact_of_tool(use, location)
    if use is None:
        is_root_cause = operation in ("", "all") or operation.startswith(("schema:", "object:"))
        return Impact.MAY if is_root_cause and profile.operations else _not_seen(operation, profile), ()
    if not location.startswith(_FIELD_LOCATIONS):
        return _by_certainty(use), tuple(use.places)
    fields = [one for name, one in use.fields.items() if _is_within(name, location)]
    if fields:
        return _strongest(fields), tuple(place for one in fields for place in one.places)
    walks = [use.walks] if use.walks.places else []
    walks += [use.fields[_CURSOR]] if _CURSOR in use.fields else []
    if walks and any(_is_within(location, name) or _is_within(name, location) for name in _WALKED):
        return _strongest(walks), tuple(place for one in walks for place in one.places)
    whole = [one for name, one in use.read_whole.items() if _may_read(name, location)]
    if is_required and not location.startswith("/"):
        impact = Impact.MAY if whole else _by_certainty(use)
        return impact, tuple(use.places)
    if whole:
        return Impact.MAY, tuple(place for one in whole for place in one.places)
    if any(_is_within(location, name) for name in _UNSEEN_FIELDS):
        return Impact.MAY, tuple(use.places)
    return _not_seen(operation, profile), ()


def _impact_of_tool(use: Use | None, location: str) -> Weighed:
    """Return the impact on code that names an MCP tool; which tools an agent calls is in no code."""
    if use is None:
        return Impact.MAY, ()
    return _by_certainty(use) if location == _NAME_OF_TOOL else Impact.MAY, tuple(use.places)


def _not_seen(operation: str, profile: Profile) -> Impact:
    """Return the impact where no use was seen: unused only if there is code, and all of it was read and followed."""
    unclear = ANY_OPERATION | {LOST_EVENT} if operation.startswith("webhook:") else ANY_OPERATION
    coverage = profile.coverage
    is_unknown = (
        not coverage.files
        or coverage.skipped_total > 0
        or any(reason in unclear for _, reason in coverage.not_followed)
    )
    return Impact.MAY if is_unknown else Impact.UNUSED


def _by_certainty(use: Use) -> Impact:
    return Impact.HITS if use.certainty is Certainty.SEEN else Impact.MAY


def _strongest(uses: list[Use]) -> Impact:
    return min(map(_by_certainty, uses), key=_RANK.__getitem__)


def _is_within(used: str, location: str) -> bool:
    """Return whether a used field is the one at `location`, or below it."""
    return used == location or used.startswith(f"{location}/")


def _may_read(whole: str, location: str) -> bool:
    """Return whether data that leaves the code at `whole` contains `location`."""
    if whole == _WHOLE_REQUEST:
        return not location.startswith("/")
    return location.startswith("/") and (whole == "" or location == whole or location.startswith(f"{whole}/"))
