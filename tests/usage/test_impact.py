"""The impact of findings: what the profile says of each place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.diff.documents import TEXT, WHOLE, document, record
from tests.reports import samples
from whopwatch.cli import main
from whopwatch.config.accepted import find_accepted_file
from whopwatch.config.targets_file import beside_config
from whopwatch.core.finding import Finding, Impact, Occurrence, Severity
from whopwatch.simulator import Simulator, SimulatorOptions, embedded
from whopwatch.usage.impact import choose_profile, impact_at, weigh_finding
from whopwatch.usage.profile import ANY_OPERATION, Certainty, Coverage, Profile

Captured = pytest.CaptureFixture[str]
SDK_CACHE = Path(__file__).parents[2] / ".cache" / "sdk"
SEEN, GUESSED = Certainty.SEEN, Certainty.GUESSED


def profile() -> Profile:
    made = Profile("2025-01-01", coverage=Coverage(files=1))
    made.use("payments.list", "a.py:1", SEEN)
    made.use_field("payments.list", "/data/*/user/email", "a.py:2", SEEN)
    made.use_field("payments.list", "/data/*/total", "a.py:3", GUESSED)
    made.use_field("payments.list", "param:company_id", "a.py:1", SEEN)
    made.use_whole("payments.list", "/data/*/plan", "a.py:4")
    made.use("products.create", "b.py:1", SEEN)
    made.use_whole("products.create", "request", "b.py:1")
    made.use("plans.list", "c.py:1", GUESSED)
    made.use("members.list", "d.py:3", SEEN)
    made.use_pages("members.list", "d.py:4", SEEN)
    made.use("shipments.list", "e.py:1", SEEN)
    made.use_field("shipments.list", "/page_info/end_cursor", "e.py:2", SEEN)
    return made


@pytest.mark.parametrize(
    ("operation", "location", "impact", "places"),
    [
        ("payments.list", "/data/*/user/email", Impact.HITS, ("a.py:2",)),
        ("payments.list", "/data/*/user", Impact.HITS, ("a.py:2",)),
        ("payments.list", "/data/*/user/name", Impact.UNUSED, ()),
        ("payments.list", "/data/*/use", Impact.UNUSED, ()),
        ("payments.list", "/data/*/total", Impact.MAY, ("a.py:3",)),
        ("payments.list", "/data/*/plan/id", Impact.MAY, ("a.py:4",)),
        ("payments.list", "/data/*/plan_id", Impact.UNUSED, ()),
        ("payments.list", "param:company_id", Impact.HITS, ("a.py:1",)),
        ("payments.list", "param:order", Impact.UNUSED, ()),
        ("payments.list", "param:after", Impact.MAY, ("a.py:1",)),
        ("payments.list", "/page_info/end_cursor", Impact.MAY, ("a.py:1",)),
        ("payments.list", "/page_infos", Impact.UNUSED, ()),
        ("members.list", "/page_info", Impact.HITS, ("d.py:4",)),
        ("members.list", "/page_info/end_cursor", Impact.HITS, ("d.py:4",)),
        ("members.list", "/page_info/start_cursor", Impact.MAY, ("d.py:3",)),
        ("members.list", "param:after", Impact.HITS, ("d.py:4",)),
        ("members.list", "param:before", Impact.MAY, ("d.py:3",)),
        ("shipments.list", "param:after", Impact.HITS, ("e.py:2",)),
        ("products.create", "/error/type", Impact.MAY, ("b.py:1",)),
        ("payments.list", "status", Impact.HITS, ("a.py:1",)),
        ("payments.list", "", Impact.HITS, ("a.py:1",)),
        ("products.create", "body:/title", Impact.MAY, ("b.py:1",)),
        ("products.create", "/title", Impact.UNUSED, ()),
        ("plans.list", "path", Impact.MAY, ("c.py:1",)),
        ("refunds.list", "/data/*/id", Impact.UNUSED, ()),
        ("all", "/company_id", Impact.MAY, ()),
    ],
)
def test_the_impact_at_a_location(operation: str, location: str, impact: Impact, places: tuple[str, ...]) -> None:
    assert impact_at(operation, location, profile()) == (impact, places)


def test_a_new_required_parameter_hits_every_call() -> None:
    assert impact_at("payments.list", "param:account_id", profile(), is_required=True) == (Impact.HITS, ("a.py:1",))
    assert impact_at("products.create", "body:/kind", profile(), is_required=True)[0] is Impact.MAY


@pytest.mark.parametrize("reason", sorted(ANY_OPERATION))
def test_code_that_may_call_any_operation(reason: str) -> None:
    unclear = profile()
    unclear.coverage.not_followed.append(("a.py:9", reason))
    assert impact_at("refunds.list", "/data/*/id", unclear)[0] is Impact.MAY


def test_a_root_cause_has_the_worst_impact_of_its_places() -> None:
    places = tuple(
        Occurrence("payments.list", location, "0" * 12, 1, 1) for location in ("/data/*/user/email", "/data/*/paid_at")
    )
    finding = Finding("D5", "schema", Severity.HIGH, "schema:User", "/email", "a", "b", "c", places=places)
    weighed = weigh_finding(finding, profile())
    assert (weighed.impact, weighed.impact_places) == (Impact.HITS, ("a.py:2",))
    assert weighed.to_json()["impact"] == "hits you"
    assert weighed.fingerprint == finding.fingerprint
    assert "impact" not in finding.to_json()


def write(folder: Path, name: str, content: object) -> str:
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def test_diff_fails_only_for_what_hits(tmp_path: Path, capsys: Captured) -> None:
    old = write(tmp_path, "old.json", document(answer=record("name age", name=TEXT, age=WHOLE)))
    new = write(tmp_path, "new.json", document(answer=record("age", age=WHOLE)))
    used, other = (Profile(None, coverage=Coverage(files=1)) for _ in range(2))
    for one, field in ((used, "/name"), (other, "/age")):
        one.use("cats.create", "cats.py:7", SEEN)
        one.use_field("cats.create", field, "cats.py:8", SEEN)
    hit = write(tmp_path, "used.json", used.to_json())
    missed = write(tmp_path, "other.json", other.to_json())
    assert main(["diff", old, new, "--usage", hit, "--fail-on", "hits", "--json", str(tmp_path / "out.json")]) == 1
    assert "hits you: cats.py:8" in capsys.readouterr().out
    finding = json.loads((tmp_path / "out.json").read_text())["findings"][0]
    assert (finding["impact"], finding["impact_places"]) == ("hits you", ["cats.py:8"])
    assert main(["diff", old, new, "--usage", missed, "--fail-on", "hits"]) == 0
    assert "not used by you" in capsys.readouterr().out
    assert main(["diff", old, new, "--usage", missed]) == 1


def test_fail_on_hits_requires_a_profile(capsys: Captured) -> None:
    assert main(["check", "--fail-on", "hits"]) == 2
    assert "--fail-on hits requires a usage profile" in capsys.readouterr().err


def test_check_weighs_its_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    made = Profile("2025-01-01", coverage=Coverage(files=1))
    made.use("products.list", "shop.py:3", SEEN)
    made.use_field("products.list", "/data/*/title", "shop.py:4", SEEN)
    write(tmp_path, "usage.json", made.to_json())
    (tmp_path / "whopwatch.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    arguments = ["check", "--only", "products.list", "--budget", "40", "--fail-on", "hits", "--json", "out.json"]
    assert main([*arguments, "--fault", "field-missing@products.list"]) in (0, 1, 3)
    findings = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert findings
    for finding in findings:
        is_used = finding["location"] in ("/data/*/title", "/data/*", "/data")
        assert finding["impact"] == ("hits you" if is_used else "not used by you"), finding["location"]
    assert "impact" in capsys.readouterr().out
    assert main(["report", "out.json", "--json", "again.json"]) in (0, 1, 3)
    assert json.loads((tmp_path / "again.json").read_text())["findings"] == findings


def test_without_code_nothing_is_unused() -> None:
    recorded = profile()
    recorded.coverage.files = 0
    assert impact_at("refunds.list", "/data/*/id", recorded)[0] is Impact.MAY
    assert impact_at("payments.list", "/data/*/user/name", recorded)[0] is Impact.MAY


def test_a_saved_report_is_weighed_later(tmp_path: Path, capsys: Captured) -> None:
    first = samples.FINDINGS[0]
    file = write(tmp_path, "report.json", samples.report().to_json())
    used, other = (Profile(None, coverage=Coverage(files=1)) for _ in range(2))
    used.use(first.operation, "shop.py:3", SEEN)
    used.use_field(first.operation, first.location, "shop.py:4", SEEN)
    hit, missed = write(tmp_path, "hit.json", used.to_json()), write(tmp_path, "missed.json", other.to_json())
    out = str(tmp_path / "again.json")
    assert main(["report", file, "--usage", hit, "--fail-on", "hits", "--json", out]) == 1
    findings = json.loads((tmp_path / "again.json").read_text())["findings"]
    assert (findings[0]["impact"], findings[0]["impact_places"]) == ("hits you", ["shop.py:4"])
    assert {one["impact"] for one in findings[1:]} == {"not used by you"}
    assert main(["report", out, "--fail-on", "hits"]) == 1, "the impact is in the report"
    assert main(["report", file, "--usage", missed, "--fail-on", "hits"]) != 1
    assert main(["report", file, "--fail-on", "hits"]) == 2
    assert "requires a usage profile" in capsys.readouterr().err


def test_a_comparison_with_a_profile_has_sections_by_impact(tmp_path: Path, capsys: Captured) -> None:
    old = write(tmp_path, "old.json", document(answer=record("name age", name=TEXT, age=WHOLE)))
    new = write(tmp_path, "new.json", document(answer=record("", name=TEXT)))
    used = Profile(None, coverage=Coverage(files=1))
    used.use("cats.create", "cats.py:7", SEEN)
    used.use_field("cats.create", "/name", "cats.py:8", SEEN)
    hit = write(tmp_path, "used.json", used.to_json())
    for form in ("text", "markdown", "html"):
        assert main(["diff", old, new, "--usage", hit, "--format", form]) == 1
        shown = capsys.readouterr().out
        assert 0 < shown.index("Changes that hit your code") < shown.index("Changes that your code does not use")
        assert "cats.py:8" in shown


@pytest.mark.parametrize("config", ["", "whopwatch.toml", "../whopwatch.toml"])
def test_the_profile_is_found_where_accepted_findings_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert choose_profile(None, None) is None
    if config:
        Path(config).write_text("")
    file = Path(config).parent / "usage.json"
    file.write_text(json.dumps(profile().to_json()))
    found = choose_profile(None, None)
    assert found is not None
    assert "payments.list" in found.operations
    assert beside_config("usage.json").resolve() == file.resolve()
    assert find_accepted_file(None).resolve().parent == file.resolve().parent


PROBES = """
[budget]
requests_per_minute = 6000
[[probes]]
operations = ["products.list"]
"""


@pytest.fixture(scope="module")
def faulty() -> Iterator[Simulator]:
    faults = ["field-missing@products.list", "tool-missing@products.list", "tool-missing@plans.list"]
    with embedded(options=SimulatorOptions(faults=faults)) as simulator:
        yield simulator


@pytest.fixture
def at_faulty(faulty: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    monkeypatch.setenv("WHOP_API_KEY", faulty.api_key)
    monkeypatch.setenv("WHOP_COMPANY_ID", faulty.company_id)
    monkeypatch.chdir(tmp_path)
    return faulty


def profile_of(tmp_path: Path, operation: str, location: str = "") -> str:
    """Write a profile of code that uses one operation, and reads one field of it."""
    made = Profile("2025-01-01", coverage=Coverage(files=1))
    made.use(operation, "shop.py:3", SEEN)
    if location:
        made.use_field(operation, location, "shop.py:4", SEEN)
    return write(tmp_path, "mine.json", made.to_json())


@pytest.mark.parametrize(("field", "impact", "code"), [("route", "hits you", 1), ("title", "not used by you", 0)])
def test_probe_once_fails_on_what_hits(
    at_faulty: Simulator, tmp_path: Path, field: str, impact: str, code: int, capsys: Captured
) -> None:
    Path("probes.toml").write_text(PROBES)
    used = profile_of(tmp_path, "products.list", f"/data/*/{field}")
    at = ["--target", at_faulty.base_url, "--config", "probes.toml", "--usage", used, "--fail-on", "hits"]
    assert main(["probe", "--once", *at, "--json", "out.json"]) == code
    found = {one["location"]: one["impact"] for one in json.loads(Path("out.json").read_text())["findings"]}
    assert found["/data/*/route"] == impact
    assert main(["probe", "--fail-on", "hits"]) == 2
    assert "--fail-on requires --once" in capsys.readouterr().err


@pytest.mark.parametrize(("used", "hit", "code"), [("mcp:list_products", True, 1), ("products.list", False, 3)])
def test_mcp_findings_have_an_impact(
    at_faulty: Simulator, tmp_path: Path, used: str, hit: bool, code: int, capsys: Captured
) -> None:
    file = profile_of(tmp_path, used)
    arguments = ["mcp", at_faulty.mcp_url, "--budget", "3", "--usage", file, "--fail-on", "hits", "--json", "out.json"]
    assert main(arguments) in (0, code)
    found = {one["operation"]: one["impact"] for one in json.loads(Path("out.json").read_text())["findings"]}
    assert found == {
        "mcp:list_products": "hits you" if hit else "may hit you",
        "mcp:list_plans": "may hit you",
    }
    assert (main(arguments) == 1) is hit


@pytest.mark.thorough
def test_sdk_findings_have_an_impact(at_faulty: Simulator, tmp_path: Path, capsys: Captured) -> None:
    used = profile_of(tmp_path, "products.list", "/data/*/route")
    arguments = ["sdk", "--target", at_faulty.base_url, "--cache-dir", str(SDK_CACHE), "--trust"]
    arguments += ["--usage", used, "--fail-on", "hits", "--json", "out.json", "--textfile", "out.prom"]
    assert main(arguments) == 1
    findings = json.loads(Path("out.json").read_text())["findings"]
    assert findings[0]["impact"] == "hits you"
    assert findings[0]["impact_places"] == ["shop.py:4"]
    assert all("impact" in one for one in findings)
    assert "whop_sdk_hitting_findings{" in Path("out.prom").read_text()
