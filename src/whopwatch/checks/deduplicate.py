"""Report one disagreement once: drop violations that another one explains, and find the cause that findings share.

One fault shows in many ways. If a cursor leads elsewhere, pages have neither the items nor the number of items that
they should have. If a field of a list is broken, it also differs from the same field of the object. Only the cause is
reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from whopwatch.checks.collector import RuleViolations
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Rule
from whopwatch.core.pointers import escape_pointer
from whopwatch.oracle import list_rules as rules

WHOLE_API = "all"
"""The operation of a finding that the whole API has in common."""
_ARRAY_STEP = "*"
"""The step of a location that leads into an array."""
_CLASSES_OF_FIELDS = ("D4", "D5", "D6", "D9", "D19")
"""Classes about a field of an object. Others are about the value, whichever object contains it."""
_OF_HISTORY = ("memory", "unverified")
"""Checks of the history whose findings may concern the whole API."""
Cause = tuple[str, str]
"""What takes the place of the operation (`schema:NAME`, `object:FIELD` or `all`), and a location within it."""


def cause_of(contract: Contract, finding: Finding) -> Cause | None:
    """Return the cause that a finding may share with others; None if it cannot share one."""
    operation = contract.operations.get(finding.operation)
    if operation is None:
        return None
    if finding.location.startswith("/"):
        return _schema_at(contract, operation.success.schema or {}, operation.api, finding)
    shared = finding.location.startswith("header:") or finding.check in _OF_HISTORY
    return (WHOLE_API, finding.location) if shared else None


def cause_fingerprint(contract: Contract, finding: Finding) -> str | None:
    """Return the fingerprint that `finding` has if it is merged with others of its cause; None if it cannot be."""
    cause = cause_of(contract, finding)
    return replace(finding, operation=cause[0], location=cause[1]).fingerprint if cause else None


def _schema_at(contract: Contract, schema: Mapping[str, Any], api: str, finding: Finding) -> Cause | None:
    """Return the innermost object that contains a location, and the location within it.

    Many objects have no schema of their own: a user is repeated inline wherever one is shown. They are named after
    the field that contains them.
    """
    tokens = finding.location.split("/")[1:]
    is_about_field = finding.drift_class in _CLASSES_OF_FIELDS
    cause: Cause | None = None
    nodes = [schema]
    for place in range(len(tokens) + 1):
        names, nodes = _unions_expanded(contract, nodes, api)
        last = place == len(tokens)
        rest = "".join(f"/{token}" for token in tokens[place:]) or "/"
        holder = next((token for token in reversed(tokens[:place]) if token != _ARRAY_STEP), "data")
        if len(names) == 1 and not (is_about_field and last):
            cause = f"schema:{names.pop()}", rest
        elif not last and holder != "data":
            cause = f"object:{holder}", rest
        if place < len(tokens):
            nodes = list(_below(nodes, tokens[place]))
    return cause


def _unions_expanded(
    contract: Contract, nodes: list[Mapping[str, Any]], api: str
) -> tuple[set[str], list[Mapping[str, Any]]]:
    """Return the names of the schemas at one location, and the schemas with unions replaced by their branches."""
    names: set[str] = set()
    plain: list[Mapping[str, Any]] = []
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if "$ref" in node:
            names.add(node["$ref"].rpartition("/")[2])
        node = contract.resolve(node, api)
        plain.append(node)
        todo += [*node.get("anyOf", ()), *node.get("oneOf", ())]
    return names, plain


def _below(nodes: list[Mapping[str, Any]], token: str) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        if token == _ARRAY_STEP and "items" in node:
            yield node["items"]
        for name, part in node.get("properties", {}).items():
            if escape_pointer(name) == token:
                yield part


Predicate = Callable[[RuleViolations], bool]


class Explanation(NamedTuple):
    """A cause, and what it explains in the same operation."""

    is_cause: Predicate
    is_effect: Predicate


def _is(*kinds: Rule | str, at: str | None = None) -> Predicate:
    """Return a predicate: one of these rules or rule ids, at location `at` if given."""
    ids = {kind if isinstance(kind, str) else kind.id for kind in kinds}
    return lambda one: one.rule.id in ids and at in (None, one.location)


def _is_query(at: str) -> Predicate:
    """Return a predicate: any rule of the check `queries`, at one location."""
    return lambda one: one.rule.check == "queries" and one.location == at


def _either(*predicates: Predicate) -> Predicate:
    return lambda one: any(predicate(one) for predicate in predicates)


def _is_incomplete(one: RuleViolations) -> bool:
    """Return whether the whole list lacks items with any parameters."""
    return one.rule == rules.NOT_IN_LIST and not rules.names_parameter(one.location)


def _names_cause(one: RuleViolations) -> bool:
    """Return whether the violation names the one parameter at fault: also the order, if it alone loses items."""
    if one.rule.check != "queries":
        return False
    loses_items = one.rule in (rules.ITEM_MISSING, rules.ENDS_EARLY, rules.NEXT_PAGE_DENIED)
    return rules.names_parameter(one.location) or (one.location == "param:order" and loses_items)


_leads_elsewhere = _is(rules.EARLIER_ITEMS, rules.ITEMS_SKIPPED, at="param:after")
_loses_items = _either(_is_query("param:after"), _is_query("/data"), _is(rules.ITEM_ON_TWO_PAGES))

DEFAULT_SIZES = (rules.OTHER_DEFAULT_SIZE, rules.DEFAULT_SIZES_DIFFER)
MAXIMUMS = (rules.OTHER_MAXIMUM, rules.OTHER_ASSUMED_MAXIMUM)

EXPLANATIONS: Sequence[Explanation] = (
    # The direction is misread even if it is requested, or the list has no lasting order.
    Explanation(
        _either(
            _is(rules.ORDER_CHANGES),
            _is(rules.PARAMETER_MISREAD, rules.WRONG_ORDER, at="param:direction"),
        ),
        _is(rules.OLDEST_FIRST),
    ),
    # Queries: the first cause explains the most.
    Explanation(_is_incomplete, _is(*rules.LOSSES, rules.WRONG_PAGE_BACK)),
    Explanation(_names_cause, _is(*rules.LOSSES, rules.WRONG_ORDER, rules.EARLIER_ITEMS, rules.LAST_PAGE_HAS_NEXT)),
    Explanation(
        _is(rules.ORDER_CHANGES),
        _is(rules.WRONG_ORDER, rules.ITEM_MISSING, rules.ITEMS_SKIPPED, rules.EARLIER_ITEMS),
    ),
    Explanation(_is(rules.WRONG_ORDER), _is(rules.ITEM_MISSING, rules.ITEMS_SKIPPED, rules.EARLIER_ITEMS)),
    Explanation(
        _leads_elsewhere,
        _is(
            rules.ITEM_MISSING,
            rules.ENDS_EARLY,
            rules.NEXT_PAGE_DENIED,
            rules.LAST_PAGE_HAS_NEXT,
            rules.WRONG_PAGE_BACK,
        ),
    ),
    Explanation(_is_query("param:last"), _is(rules.WRONG_PAGE_BACK)),
    # Pages: a list that does not return the requested number of items has no other default size by that, and pages
    # before a cursor are too small as well.
    Explanation(_is(rules.SHORT_PAGE), _either(_is(*DEFAULT_SIZES), _is_query("param:before"))),
    Explanation(_is(rules.TOO_MANY_ITEMS), _is(*DEFAULT_SIZES)),
    Explanation(_loses_items, _is(rules.SHORT_PAGE, *MAXIMUMS, *DEFAULT_SIZES)),
    Explanation(_is_query("param:after"), _is(rules.TOO_MANY_ITEMS)),
    # A server that fails valid requests also fails the invalid ones.
    Explanation(_is("status/server-error"), _is("status/server-error-on-invalid")),
)
"""Causes in the order in which they apply: an effect is dropped, and then explains nothing itself."""

FIELD_CHECKS = ("schema", "fields")
"""Checks that report what is wrong with a field by itself."""
PARAMETER_CHECKS = ("queries", "asked-for")
"""Checks that compare the items of a list with a parameter, by the field that the parameter filters on."""
_compares_field = _is("twins/field-differs", "twins/other-object")


def deduplicate(contract: Contract, violations: Iterable[RuleViolations]) -> list[RuleViolations]:
    """Return `violations` without the ones that another one explains."""
    by_operation: dict[str, list[RuleViolations]] = defaultdict(list)
    for one in violations:
        by_operation[one.operation].append(one)
    kept = [one for group in by_operation.values() for one in _explained_once(_located_once(group))]
    broken = {(one.operation, _in_object(one.location)) for one in kept if one.rule.check in FIELD_CHECKS}
    return [one for one in kept if not broken or not _follows(contract, one, broken)]


def _explained_once(violations: list[RuleViolations]) -> list[RuleViolations]:
    for is_cause, is_effect in EXPLANATIONS:
        if any(map(is_cause, violations)):
            violations = [one for one in violations if is_cause(one) or not is_effect(one)]
    return violations


def _located_once(violations: list[RuleViolations]) -> list[RuleViolations]:
    """Locate unknown items at the list if requests with several parameters show them: no parameter is at fault."""
    unknown = [one for one in violations if one.rule == rules.NOT_IN_LIST]
    if len(unknown) < 2:
        return violations
    first, *others = unknown
    first.location = "/data"
    for one in others:
        first.violating.update(one.violating)
    return [one for one in violations if one not in others]


def _follows(contract: Contract, one: RuleViolations, broken: Collection[tuple[str, str]]) -> bool:
    """Return whether a violation follows from a broken field of its operation, or of the list of its resource."""
    if one.rule.check in PARAMETER_CHECKS:
        causes = {field for id, field in broken if id == one.operation}
        return any(_is_within(field, causes) for field in _filtered_fields(contract, one))
    list_id = f"{contract.operations[one.operation].resource}.list"
    causes = {field for id, field in broken if id in (list_id, one.operation)}
    if one.rule.id == "refused/listed-object-not-found":
        return _is_within("/id", causes)
    return _compares_field(one) and _is_within(_in_object(one.location), causes)


def _is_within(field: str, causes: Collection[str]) -> bool:
    """Return whether a finding is about a field, the object that has it, or the items of its array."""
    return any(field in (cause, cause.removesuffix("/*")) or field.startswith(f"{cause}/") for cause in causes)


def _filtered_fields(contract: Contract, one: RuleViolations) -> Iterator[str]:
    """Yield the fields of an item that the parameter of a violation filters on or sorts by."""
    name = one.location.removeprefix("param:")
    paths = [tuple(path.split(".")) for path in contract.behaviour.owners.get(name, "").split("|") if path]
    operation = contract.operations[one.operation]
    order = contract.behaviour.order["parameter"]
    if name == order and (parameter := operation.parameter(order)):
        paths += map(contract.behaviour.order_path, contract.documented_values(operation, parameter))
    filters = contract.filters_of(operation)
    paths += [path for filter in filters if filter.name == name for path in filter.paths]
    return (f"/{'/'.join(path)}" for path in paths)


def _in_object(location: str) -> str:
    """Return the location in an item of a list as it is in the object."""
    return location.removeprefix("/data/*")
