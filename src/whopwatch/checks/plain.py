"""The checks that have anything to say of a probe's run: each thing asked for once, in the plain way.

The others hold several answers of one operation against each other. They are not even loaded here: a process that
runs for months has to be small.
"""

from __future__ import annotations

from whopwatch.checks import Check
from whopwatch.checks.asked_for import asked_for
from whopwatch.checks.content import content
from whopwatch.checks.default_order import default_order
from whopwatch.checks.envelope import envelope
from whopwatch.checks.expansion import expansion
from whopwatch.checks.fields import fields
from whopwatch.checks.lifecycle import alternate_path, deprecation
from whopwatch.checks.paging import paging
from whopwatch.checks.refused import refused
from whopwatch.checks.removal import removal
from whopwatch.checks.schema import schema
from whopwatch.checks.status import status
from whopwatch.checks.twins import twins
from whopwatch.checks.wire import wire

PLAIN: tuple[Check, ...] = (
    wire,
    status,
    refused,
    content,
    schema,
    fields,
    envelope,
    paging,
    default_order,
    asked_for,
    twins,
    expansion,
    removal,
    deprecation,
    alternate_path,
)
"""In the order of all checks."""
