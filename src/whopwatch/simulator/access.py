"""Whether a user has access to a company, product or experience: told by who runs it and who has paid for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from whopwatch.simulator.generate import Reference
from whopwatch.simulator.pipeline import Call
from whopwatch.simulator.world import Entity, World

OPEN = frozenset({"active", "trialing", "completed", "canceling", "past_due"})
"""The statuses of a membership that let its user in."""


def access(world: World, call: Call, found: Callable[[Reference], Entity]) -> Entity:
    """The answer to `users.check_access`. `found` raises for a user or resource that does not exist."""
    user = found(Reference("users", call.path_params["id"])).reference
    wanted = call.path_params.get("resource_id") or dict(call.query_pairs).get("resource_id") or world.company.id
    tables = ("companies", "products", "experiences")
    known = next((Reference(t, wanted) for t in tables if world.get(Reference(t, wanted))), None)
    resource = found(known or Reference("products", wanted)).reference
    level = _level(world, user, resource)
    answer = world.made_up(Reference(call.matched.id, f"{user.id}:{resource.id}"))
    answer.values |= {"access_level": level, "has_access": level != "no_access"}
    return answer


def _level(world: World, user: Reference, resource: Reference) -> str:
    company: Reference = resource if resource.table == "companies" else world.resolve(resource).raw["company"]
    runs = [
        *world.follow(world.resolve(company), "owner_user"),
        *(team.values.get("user") for team in world.children("authorized_users", "company", company)),
    ]
    if user in runs:
        return "admin"
    paid = (m for m in world.children("memberships", "user", user) if m.values["status"] in OPEN)
    return "customer" if any(resource in _opened(world, membership) for membership in paid) else "no_access"


def _opened(world: World, membership: Entity) -> Iterator[Reference]:
    yield from world.follow(membership, "company", shown=False)
    yield from world.follow(membership, "product", shown=False)
    yield from world.follow(membership, "product.experiences@products", shown=False)
