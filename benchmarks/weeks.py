"""Three simulated weeks of nightly runs: what happened, the verdict of each night, and who was woken.

`python -m benchmarks.weeks` prints the list of nights as Markdown. The dates are virtual; the requests are real ones to
the embedded simulator, through a proxy that makes the weather.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from benchmarks.usage import command_line
from tests.cli.proxy import JSON, Proxy, Response, api_error, proxied
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import load
from whopwatch.core.finding import Finding, FindingState
from whopwatch.core.report import Report, Verdict, timestamp
from whopwatch.history import Records, compare_with_history
from whopwatch.run.options import RunOptions, observe_target
from whopwatch.simulator import Simulator, embedded

Change = Callable[[int, str, Response], Response | None]

NIGHTS = 21
FIRST = datetime(2027, 1, 4, 3, tzinfo=UTC)
NEW_ENUM_VALUE = "enum-value-new@products.list"
HTML = {"content-type": "text/html; charset=utf-8", "server": "cloudflare", "cf-ray": "8c1f00aa11bb22cc-FRA"}


def once(answer: Response | None) -> Change:
    """Return weather that replaces the seventh response of a night."""
    return lambda number, _, response: answer if number == 7 else response


def always(answer: Response) -> Change:
    """Return weather that replaces every response."""
    return lambda *_: answer


WEATHER: dict[str, Change] = {
    "one 502": once((502, HTML, b"<html>502 Bad Gateway</html>")),
    "one 429, Retry-After: 1": once((429, {**JSON, "retry-after": "1"}, api_error(429, "rate_limit_exceeded")[2])),
    "one reset connection": once(None),
    "Cloudflare: error code 1015": always((429, HTML, b"error code: 1015")),
    "Cloudflare: 522": always((522, HTML, b"<html>522: Connection timed out</html>")),
    "Cloudflare: challenge": always((403, {**HTML, "cf-mitigated": "challenge"}, b"<html>Just a moment...</html>")),
    "maintenance page": always((503, HTML, b"<html>Back soon</html>")),
}
WEATHER_OF_NIGHT = {
    2: "Cloudflare: error code 1015",
    3: "one 502",
    5: "one 429, Retry-After: 1",
    7: "Cloudflare: 522",
    10: "one reset connection",
    11: "Cloudflare: challenge",
    15: "one 502",
    17: "maintenance page",
    18: "one 429, Retry-After: 1",
    20: "one reset connection",
}
NIGHTS_WITH_NEW_VALUE = {4, 5, 6, 12, 13, 14, 15}
"""An undocumented enum value comes, is accepted after its first night, goes, and comes back."""
NIGHTS_WITHOUT_PERMISSION = set(range(9, 14))
"""The key may not read payments."""
TRUE_CHANGES = {"acme": {4: "enum-value-added", 9: "permission-changed"}, "globex": {}}
"""The nights that need attention, and why."""


@dataclass
class Company:
    """One company that is checked every night. `lacks` is a part of paths that its key may never read."""

    name: str
    proxy: Proxy
    simulator: Simulator
    allows_unchecked: bool = False
    lacks: str | None = None
    records: Records | None = None
    accepted: tuple[AcceptedEntry, ...] = ()

    def night(self, number: int, budget: int) -> NightRow:
        """Run one night, accept its new medium findings the morning after, and return its row."""
        events = list(self._events(number))
        self._set_weather(number)
        options = RunOptions(resources=("products", "payments"), budget=budget, allow_unchecked=self.allows_unchecked)
        environ = {"WHOP_API_KEY": self.simulator.api_key, "WHOP_COMPANY_ID": self.simulator.company_id}
        run = observe_target(options, self.proxy.base_url, environ, plan_seed=number)
        started = timestamp(FIRST + timedelta(days=number - 1))
        run = replace(run, observation=replace(run.observation, started_at=started))
        self.records = self.records or Records(salt=b"weeks")
        report = compare_with_history(
            run.contract,
            run.observation.exchanges,
            run.report(),
            self.records,
            accepted=self.accepted,
            met=run.observation.met,
        )
        row = NightRow(self.name, number, FIRST.date() + timedelta(days=number - 1), events, report)
        for finding in row.pages:
            if finding.class_slug == "enum-value-added":
                self.accepted += (AcceptedEntry(finding.fingerprint, "we show it as it is"),)
        return row

    def _events(self, number: int) -> Iterator[str]:
        if self.lacks:
            return
        if number in WEATHER_OF_NIGHT:
            yield WEATHER_OF_NIGHT[number]
        if number in NIGHTS_WITH_NEW_VALUE:
            yield "accepted value is there" if self.accepted else "a new enum value"
        if number in NIGHTS_WITHOUT_PERMISSION:
            yield "the key may not read payments"

    def _set_weather(self, number: int) -> None:
        weather = WEATHER[WEATHER_OF_NIGHT[number]] if number in WEATHER_OF_NIGHT and not self.lacks else None
        loses = not self.lacks and number in NIGHTS_WITHOUT_PERMISSION
        denied = "/payments" if loses else self.lacks
        faults = [NEW_ENUM_VALUE] if not self.lacks and number in NIGHTS_WITH_NEW_VALUE else []
        self.simulator.faults.switch(faults)
        self.proxy.paths.clear()

        def change(request: int, path: str, response: Response) -> Response | None:
            if denied and denied in path:
                response = api_error(403, "forbidden")
            return weather(request, path, response) if weather else response

        self.proxy.change = change


@dataclass(frozen=True)
class NightRow:
    """One night of one company. `events` is what happened that night, as the script made it."""

    company: str
    number: int
    day: date
    events: list[str]
    report: Report

    @property
    def pages(self) -> list[Finding]:
        """Return the findings that need attention: new or worse ones of a night that ends with drift."""
        news = (FindingState.NEW, FindingState.WORSE)
        is_drift = self.report.verdict is Verdict.DRIFT
        return [one for one in self.report.findings if is_drift and one.breaks and one.state in news]

    def line(self) -> str:
        """Return the row as Markdown."""
        pages = ", ".join(f"`{one.class_slug}` {one.operation}" for one in self.pages)
        incidents = len(self.report.extra.get("incidents", ()))
        other = [
            f"{one.state}: `{one.class_slug}`" for one in self.report.findings if one not in self.pages and one.state
        ]
        other += [f"{incidents} incident"] if incidents else []
        events = "; ".join(self.events)
        return f"| {self.number} | {events} | {self.report.verdict} | {pages} | {', '.join(other)} |"


def three_weeks(nights: int = NIGHTS, budget: int = 120) -> Iterator[NightRow]:
    """Run the nights of both companies, in turn, and yield their rows."""
    contract = load()
    with ExitStack() as stack:

        def company(name: str, seed: int, **terms: object) -> Company:
            simulator = stack.enter_context(embedded(contract, seed=seed))
            return Company(name, stack.enter_context(proxied(simulator)), simulator, **terms)  # type: ignore[arg-type]

        companies = [company("acme", 1), company("globex", 2, lacks="/payments", allows_unchecked=True)]
        for number in range(1, nights + 1):
            for one in companies:
                yield one.night(number, budget)


def wrong_pages(rows: list[NightRow]) -> tuple[list[str], list[str]]:
    """Return the false pages and the missed ones."""
    false, missed = [], []
    for row in rows:
        sent = {one.class_slug for one in row.pages}
        wanted = {TRUE_CHANGES[row.company].get(row.number)} - {None}
        false += [f"{row.company}, night {row.number}: {slug}" for slug in sorted(sent - wanted)]
        missed += [f"{row.company}, night {row.number}: {slug}" for slug in sorted(map(str, wanted - sent))]
    return false, missed


def main() -> None:
    """Print the nights of each company, and how many pages were false or missed."""
    parser = command_line(__doc__)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--budget", type=int, default=120)
    arguments = parser.parse_args()
    rows = list(three_weeks(arguments.nights, arguments.budget))
    for name in TRUE_CHANGES:
        print(f"\n{name}\n\n| night | what happened | verdict | pages sent | other findings |\n|---|---|---|---|---|")
        for row in rows:
            if row.company == name:
                print(row.line())
    false, missed = wrong_pages(rows)
    pages = sum(len(row.pages) for row in rows)
    print(f"\n{len(rows)} nights, {pages} pages sent, {len(false)} false, {len(missed)} missed")
    for words in (*false, *missed):
        print(f"  {words}")


if __name__ == "__main__":
    main()
