"""Call every method of an unmodified SDK release at the simulator of the newest edition, sync and async.

`python -m benchmarks.sdk_methods WHEEL` takes the wheel of `whop-sdk` 2.6.0. Each method gets what its signature needs:
ids of the simulated world, and a body of the contract. A method is done if it returns, and what it returns is of its
declared type.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import inspect
import sys
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import Contract, Operation, load
from whopwatch.planning.ids import documented_samples
from whopwatch.sdk import releases
from whopwatch.simulator import Backend, SimulatorOptions, embedded

LOOP = asyncio.new_event_loop()
"""The loop of all asynchronous calls: the client keeps its connections in it."""
DRIVER = Path(releases.__file__).parent / "drivers" / "driver.py"


def main() -> None:
    """Call all methods and print what failed; exit with 1 if one did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help="whop_sdk-2.6.0-py3-none-any.whl")
    parser.add_argument("--contract", default="newest", help="edition of the simulator (default %(default)s)")
    parser.add_argument("--resource", action="append", default=[], help="only the methods of this resource; repeatable")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[@OP]", help="fault of the simulator")
    options = parser.parse_args()
    sys.path.insert(0, str(options.wheel.resolve()))
    driver = _driver()
    contract = load(options.contract)
    chosen = [one for one in _order(contract) if not options.resource or one.resource in options.resource]
    failed: dict[str, list[str]] = {}
    done: Counter[str] = Counter()
    for kind in ("sync", "async"):
        with embedded(contract, rate_limit=10**9, faults=options.fault) as simulator:
            ask = Asker(Backend(contract, SimulatorOptions(rate_limit=10**9)), contract)
            sdk = _client(driver, kind, simulator.base_url, simulator.api_key)
            for operation in chosen:
                problem = _call(driver, sdk, operation, ask)
                if problem:
                    failed.setdefault(operation.id, []).append(f"{kind}: {problem}")
                else:
                    done[kind] += 1
    for id, problems in failed.items():
        print(f"{id}: {'; '.join(problems)}")
    print(f"{done['sync']} of {len(chosen)} methods done sync, {done['async']} async")
    raise SystemExit(1 if failed else 0)


def _driver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sdk_driver", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _client(driver: ModuleType, kind: str, base_url: str, key: str) -> Any:
    import whop_sdk

    if kind == "async":
        whop_sdk.Whop = whop_sdk.AsyncWhop  # type: ignore[misc, assignment]
    return driver.client(base_url, key)


def _order(contract: Contract) -> list[Operation]:
    """Return reads, then writes, deletions last: nothing is gone before it is used."""
    rank = {"GET": 0, "POST": 1, "PATCH": 2, "PUT": 2, "DELETE": 3}
    operations = (operation for operation in contract.operations.values() if operation.api == "v1")
    return sorted(operations, key=lambda operation: rank[operation.method])


def _call(driver: ModuleType, sdk: Any, operation: Operation, ask: Asker) -> str | None:
    """Call the method of an operation; return what is wrong, None if nothing is."""
    try:
        method = driver.find_method(sdk, operation.id)
    except AttributeError:
        return "no such method"
    body = next(iter(bodies(ask, operation)), None) if operation.body is not None else None
    given = {**(body or {}), **_values(operation, ask)}
    known = inspect.signature(method).parameters
    arguments = {f"{name}_" if f"{name}_" in known else name: value for name, value in given.items()}
    arguments = {name: driver.as_declared(method, name, value) for name, value in arguments.items() if name in known}
    if body is not None and "request" in known:
        arguments["request"] = body
    try:
        value = method(**arguments)
        value = LOOP.run_until_complete(value) if inspect.isawaitable(value) else value
    except Exception as error:
        return f"{type(error).__name__} {getattr(error, 'status_code', '')} {str(error)[:160]}"
    wrong = driver.type_errors(driver.return_type(method), value)
    return f"not of its declared type: {', '.join(wrong)}" if wrong else None


def _values(operation: Operation, ask: Asker) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in operation.needed:
        table = ask.backend.world.views.table_of(parameter.resource)
        if table == ask.backend.world.account.table:
            found[parameter.name] = ask.backend.world.account.id
        elif table:
            ids = [row.id for row in ask.backend.world.own(table)]
            place = zlib.crc32(operation.id.encode()) % len(ids)  # so that no deletion hits what another one deleted
            found[parameter.name] = ids[place]
        else:
            found[parameter.name] = next(iter(documented_samples(ask.contract, operation, parameter)), "id_123")
    return found


if __name__ == "__main__":
    main()
