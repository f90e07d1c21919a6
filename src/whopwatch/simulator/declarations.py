"""Read `simulator.toml` of an edition: how the simulator behaves where schemas and names do not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.behaviour import Behaviour
from whopwatch.contract.edition import read_toml

SORT_PARAMETERS = frozenset({"order", "direction"})

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class AccessRule:
    """How an operation decides whether a user has access to an object.

    `user` and `resource` are its parameters, `users` the table of users, `resources` the tables of objects that one can
    have access to. `team` are the paths from the account to its team, `memberships` the path from a user to what gives
    access if its status is one of `statuses`, and `opens` the paths from there to the objects that it gives access to.
    """

    operation: str
    user: str
    users: str
    resource: str
    resources: Sequence[str]
    team: Sequence[str]
    memberships: str
    statuses: Sequence[str]
    opens: Sequence[str]


@dataclass(frozen=True)
class WebhookFields:
    """The resource of webhooks, and the fields that decide what is sent to one."""

    resource: str
    url: str
    events: str
    secret: str
    enabled: str
    version: str


class Declarations:
    """The declarations of one edition: of its `simulator.toml`, and of its `behaviour.toml` for orders and wildcards.

    `names` maps names of fields to resources, `references` maps `table.field` to the resource of the field's id.
    `follow`, `children` and `counts` hold a path by table and field; `hidden` a schema by table and field. `log` maps
    tables of request logs to the fields that show a request's `operation`, `method`, `path` and `id`. `renamed` maps
    API and table to the stored name of each field. `actions` holds the rules of write operations, `events` the rule of
    each webhook event.
    """

    def __init__(self, declared: Mapping[str, Any], behaviour: Behaviour) -> None:
        world, queries = declared.get("world", {}), declared.get("queries", {})
        self.names: Mapping[str, str] = world.get("names", {})
        self.references: Mapping[str, str] = world.get("references", {})
        self.separate = frozenset(world.get("separate", {}).get("operations", ()))
        self.hidden: Mapping[str, Mapping[str, Mapping[str, Any]]] = world.get("hidden", {})
        self.follow: Mapping[str, Mapping[str, str]] = world.get("follow", {})
        self.children: Mapping[str, Mapping[str, str]] = world.get("children", {})
        self.counts: Mapping[str, Mapping[str, str]] = world.get("counts", {})
        self.log: Mapping[str, Mapping[str, str]] = world.get("log", {})
        self.renamed: Mapping[str, Mapping[str, Mapping[str, str]]] = world.get("renamed", {})
        self.comparisons: Mapping[str, str] = queries.get("comparisons", {})
        self.wildcards: Mapping[str, str] = {**behaviour.wildcards, **queries.get("wildcards", {})}
        self.lookups: Mapping[str, str] = queries.get("lookups", {})
        self.actions: Mapping[str, list[Rule]] = declared.get("actions", {})
        self.body_names: Mapping[str, Mapping[str, str]] = declared.get("body_names", {})
        self.events: Mapping[str, Rule] = declared.get("events", {})
        self.access = AccessRule(**declared["access"]) if "access" in declared else None
        self.webhooks = WebhookFields(**declared["webhooks"]) if "webhooks" in declared else None
        self.paths: Mapping[str, Mapping[str, str]] = queries.get("paths", {})
        self._orders: Mapping[str, str] = {**behaviour.order["fields"], **queries.get("orders", {})}

    def order_path(self, value: str) -> str:
        """Return the path of the field that an `order` of this value sorts by."""
        return self._orders.get(value, value)


def singular_of(word: str) -> str:
    """Return the singular of a plural: `currencies` is `currency`, `statuses` is `status`, `plans` is `plan`."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith("uses") else word.removesuffix("s")


@lru_cache(maxsize=8)
def account_fields(contract: Contract) -> tuple[str, ...]:
    """Return the names under which objects show the account that they belong to: `company`, `company_id`."""
    account = contract.account
    paths = contract.behaviour.owners.get(account.id_field, "")
    named = (path.partition(".")[0] for path in paths.split("|") if path)
    return tuple(dict.fromkeys([*account.fields, *named]))


@lru_cache(maxsize=8)
def declarations_of(contract: Contract) -> Declarations:
    """Return the declarations of the contract's edition."""
    path = contract.edition.folder / "simulator.toml"
    return Declarations(read_toml(path) if path.is_file() else {}, contract.behaviour)
