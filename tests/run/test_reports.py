"""What a few runs conclude: every row with its reason, every finding and request count, as `reports/*.txt` have it.

The number of all checks is not in it, so that a new check changes no file.

After a change on purpose: `python -m tests.run.test_reports` writes them anew; read the diff.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.run.fake_api import Answer, FakeApi, error, html
from whopwatch.contract import Contract, Operation, load
from whopwatch.core.report import Report
from whopwatch.run import Progress, judge, observe, select_operations

FOLDER = Path(__file__).with_name("reports")
ONLY = (
    "products.list", "products.retrieve", "members.list", "members.retrieve", "payments.list_fees",
    "course_students.list", "reviews.retrieve", "files.retrieve", "users.check_access", "v2.plans.retrieve",
)  # fmt: skip
Fault = Callable[[Operation, httpx.Request, Answer], Answer | httpx.Response]


def lines(report: Report, progress: list[Progress]) -> Iterator[str]:
    """Yield the report as text: what the rows, the findings and the JSON document say, without durations."""
    document = report.to_json()
    yield f"{report.verdict}: {report.reason}"
    yield f"sent {report.sent} of {report.budget}, {document.get('spent')}"
    yield f"progress {progress[-1] if progress else None}"
    yield from (f"incident: {one['operation']}: {one['what']}" for one in document.get("incidents", ()))
    yield from (f"{name}: {document[name]}" for name in ("api_version", "other_versions") if name in document)
    for row in report.operations:
        if row.reason != "not selected" and not str(row.reason).startswith("write operation"):
            yield f"{row.state} {row.id} {row.requests} requests, {row.samples} samples"
            not_run = "all" if not row.checks_done else (row.checks_total or 0) - row.checks_done
            yield f"  {row.request}, {not_run} checks not run"
            yield from (f"  {text}" for text in (row.reason, row.reason_group, row.denied and "denied") if text)
            open_for = Counter(row.checks_open.values())
            yield from (
                f"  {'all' if count == row.checks_total else count} checks: {reason}"
                for reason, count in sorted(open_for.items())
            )
    for one in report.findings:
        yield f"{one.severity} {one.rule} ({one.confidence}): {one.message}"
        yield f"  {one.request.path if one.request else None}"


def run(fault: Fault | None = None, *, items: int = 13, only: tuple[str, ...] = ONLY, **options: Any) -> list[str]:
    contract = load()
    api = FakeApi(contract, items=items, fault=fault)
    target = api.target(name="simulator", **options.pop("target", {}))  # no pause before a repeat
    progress: list[Progress] = []
    transport = options.pop("transport", lambda api: api.transport)(api)
    selected = select_operations(contract, only)
    made = observe(
        contract, target, selected=selected, seed=4, progress=progress.append, transport=transport,
        **{"budget": 120, **options},
    )  # fmt: skip
    return list(lines(judge(contract, made, target.name), progress))


def at(id: str, answer: Callable[[Answer], Answer | httpx.Response]) -> Fault:
    return lambda operation, _, truth: answer(truth) if operation.id == id else truth


def first_time(id: str, answer: Answer, times: int = 1) -> Fault:
    seen: Counter[str] = Counter()

    def fault(operation: Operation, _: httpx.Request, truth: Answer) -> Answer:
        seen[operation.id] += 1
        return answer if operation.id == id and 1 < seen[id] <= 1 + times else truth

    return fault


def without_title(truth: Answer) -> Answer:
    status, body, headers = truth
    for item in body.get("data", [body]):
        item.pop("title", None)
    return status, body, headers


def dies_after(count: int) -> Callable[[FakeApi], MockTransport]:
    def transport(api: FakeApi) -> MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            if sum(api.requests.values()) >= count:
                raise httpx.ConnectError("gone")
            return api.handle(request)

        return MockTransport(handle)

    return transport


DENIED = error(403, "forbidden")
MISSING = error(404, "not_found")
RUNS: dict[str, Callable[[], list[str]]] = {
    "clean": run,
    "a-small-budget": lambda: run(budget=9),
    "no-company": lambda: run(target={"company_id": None, "known_ids": {}}),
    "empty-lists": lambda: run(items=0),
    "denied": lambda: run(at("members.list", lambda _: DENIED)),
    "denied-and-allowed": lambda: run(at("members.list", lambda _: DENIED), target={"allow_unchecked": ("members.*",)}),
    "server-error": lambda: run(at("products.retrieve", lambda _: error(500, "internal_server_error"))),
    "one-server-error": lambda: run(first_time("products.list", error(502, "bad_gateway"))),
    "not-found": lambda: run(at("reviews.retrieve", lambda _: MISSING)),
    "html": lambda: run(at("users.check_access", lambda _: html())),
    "no-title": lambda: run(at("products.list", without_title)),
    "some-failures-are-enough": lambda: run(at("products.list", without_title), max_failures=1),
    "rate-limited": lambda: run(
        at("members.retrieve", lambda _: (*error(429, "rate_limited")[:2], {"retry-after": "0"}))
    ),
    "connection-lost": lambda: run(transport=dies_after(12)),
    "versions": lambda: run(lists_versions=True, budget=40),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_concludes(name: str) -> None:
    assert RUNS[name]() == (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_the_reports_are_those_of_the_contract(contract: Contract) -> None:
    assert set(ONLY) <= contract.operations.keys()
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(RUNS)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, made in RUNS.items():
        (FOLDER / f"{name}.txt").write_text("".join(f"{text}\n" for text in made()), encoding="utf-8")
