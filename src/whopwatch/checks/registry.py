"""Every check there is, in one visible order."""

from __future__ import annotations

from whopwatch.checks import Check
from whopwatch.checks.asked_for import asked_for
from whopwatch.checks.authentication import authentication
from whopwatch.checks.content import content
from whopwatch.checks.default_order import default_order
from whopwatch.checks.envelope import envelope
from whopwatch.checks.expansion import expansion
from whopwatch.checks.fields import fields
from whopwatch.checks.latency import latency
from whopwatch.checks.lifecycle import alternate_path, deprecation
from whopwatch.checks.moving import moving
from whopwatch.checks.paging import paging
from whopwatch.checks.queries import page_sizes, parents, queries
from whopwatch.checks.read_back import read_back
from whopwatch.checks.refusals import refusals
from whopwatch.checks.refused import refused
from whopwatch.checks.removal import removal
from whopwatch.checks.schema import schema
from whopwatch.checks.side_effects import side_effects
from whopwatch.checks.status import status
from whopwatch.checks.twins import twins
from whopwatch.checks.untouched import untouched
from whopwatch.checks.walking import walking
from whopwatch.checks.wire import wire
from whopwatch.checks.write_refusals import write_refusals

CHECKS: tuple[Check, ...] = (
    wire,
    latency,
    status,
    refused,
    content,
    schema,
    fields,
    envelope,
    authentication,
    refusals,
    paging,
    walking,
    queries,
    page_sizes,
    default_order,
    parents,
    asked_for,
    twins,
    expansion,
    removal,
    read_back,
    side_effects,
    write_refusals,
    untouched,
    moving,
    deprecation,
    alternate_path,
)
"""Every check of a run. Its name in a finding is that of its function, with hyphens."""
