"""Keys with some scopes: what they may do, and how other requests are rejected."""

from __future__ import annotations

import httpx
import pytest

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.simulator import KeyGrant, embedded


def test_a_key_may_do_what_its_scopes_allow_and_nothing_else(contract: Contract) -> None:
    operations = contract.operations
    grants = [
        KeyGrant("reader", "company", ["*:read"]),
        KeyGrant("poor", "app", operations["plans.list"].scopes),
        KeyGrant("none", "app", []),
    ]
    with embedded(contract, keys=grants, items=3) as simulator:
        assert len({simulator.api_key, simulator.app_key, *simulator.keys.values()}) == 5

        def status(name: str, path: str) -> int:
            headers = {"Authorization": f"Bearer {simulator.keys[name]}"}
            asked = {"company_id": simulator.company_id}
            return httpx.get(f"{simulator.base_url}{path}", params=asked, headers=headers, trust_env=False).status_code

        assert [status(name, "/plans") for name in ("reader", "poor", "none")] == [200, 200, 403]
        assert [status(name, "/webhooks") for name in ("reader", "poor", "none")] == [403, 403, 403]


def test_keys_are_derived_from_the_seed(contract: Contract) -> None:
    grants = [KeyGrant("mine", "company", ["*"])]
    values = []
    for seed in (1, 1, 2):
        with embedded(contract, keys=grants, items=1, seed=seed) as simulator:
            values.append(simulator.keys["mine"])
    assert values[0] == values[1] != values[2]


def test_an_unknown_scope_is_an_error(contract: Contract) -> None:
    with (
        pytest.raises(UsageError, match="did you mean 'plan:basic:read'"),
        embedded(contract, keys=[KeyGrant("mine", "company", ["plan:basic:reed"])]),
    ):
        pass
