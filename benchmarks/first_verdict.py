"""Time six ways from nothing to the first verdict, and a scrape with exemplars: `python -m benchmarks.first_verdict`.

Every way starts in an empty folder with empty caches, from a wheel that is built first. The image is built and run if
WHOPWATCH_IMAGE_BUILD names a command that does so; else its Containerfile is only linted. Exit code 1 if a way fails or
takes more than 60 seconds.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

from tests.e2e.stack import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "probes" / "deploy"
LIMIT = 60.0
SCRAPE = """
global: {scrape_interval: 1s}
scrape_configs: [{job_name: whopwatch, static_configs: [{targets: ["127.0.0.1:PORT"]}]}]
"""


def run(command: str, folder: Path, **environ: str) -> str:
    """Run a shell command in `folder` with empty caches; return the last line that it prints."""
    places = {"UV_CACHE_DIR": "uv", "UV_TOOL_DIR": "tools", "PIP_CACHE_DIR": "pip"}
    caches = {name: str(folder / place) for name, place in places.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(  # noqa: S603 (the commands below)
        ["/bin/bash", "-ec", command],
        cwd=folder,
        env={**inherited, **caches, **environ},
        capture_output=True,
        text=True,
    )
    lines = [line.strip() for line in (done.stdout or done.stderr).splitlines() if line.strip()]
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return lines[-1] if lines else "valid"


def ways(dist: Path) -> Iterator[tuple[str, str, Callable[[Path], str]]]:
    """Yield the name, the command and the function of each way."""
    wheel = next(dist.glob("*.whl"))
    uvx = f"uvx --find-links {dist} whopwatch check"
    yield "uvx", "uvx whopwatch check", lambda folder: run(uvx, folder)
    pip = f"{sys.executable} -m venv v && v/bin/pip install -q {wheel} && v/bin/whopwatch check"
    yield "pip", "pip install whopwatch && whopwatch check", lambda folder: run(pip, folder)
    image = os.environ.get("WHOPWATCH_IMAGE_BUILD")
    lint = f"hadolint {shlex.quote(str(DEPLOY / 'Containerfile'))} && echo linted only"
    yield "image", image or "hadolint Containerfile", lambda folder: run(image or lint, folder)
    yield "compose", "compose.yaml by its schema", lambda _: compose()
    yield "action", "the steps Install and Check of action.yml", action
    yield "helm", "helm template", lambda _: helm()
    yield "prometheus", "scrape of OpenMetrics with exemplars", exemplars


def compose() -> str:
    """Check compose.yaml with the models of the compose specification."""
    import yaml

    parsed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    model = import_module("compose_spec").ComposeSpecification
    return f"valid: {len(model.model_validate(parsed).services)} services"


def action(folder: Path) -> str:
    """Run what the action runs at the simulator."""
    import yaml

    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (install,) = [step["run"] for step in steps if step.get("name") == "Install"]
    places = {"RUNNER_TEMP": str(folder), "GITHUB_ACTION_PATH": str(ROOT), "PYTHON": sys.executable}
    outputs = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    check = f'WHOPWATCH="$RUNNER_TEMP/whopwatch/bin/whopwatch" {DEPLOY}/github/check.sh'
    run(f"{install}\n{check}", folder, TARGET="simulator", **places, **outputs)
    return Path(outputs["GITHUB_OUTPUT"]).read_text(encoding="utf-8").replace("\n", " ")


def helm() -> str:
    """Render the chart with its default values."""
    import helm_python

    with helm_python.Chart.load(DEPLOY / "helm" / "whopwatch") as chart:
        return f"rendered: {len(chart.render({}, name='whopwatch'))} templates"


def exemplars(folder: Path) -> str:
    """Let a real Prometheus scrape a prober, and count the series whose exemplars it stored."""
    prober, prometheus = free_port(), free_port()
    (folder / "prometheus.yaml").write_text(SCRAPE.replace("PORT", str(prober)), encoding="utf-8")
    probe = [sys.executable, "-m", "whopwatch", "probe", "--listen", f"127.0.0.1:{prober}"]
    scrape = ["prometheus", "--config.file=prometheus.yaml", "--enable-feature=exemplar-storage"]
    scrape += [f"--web.listen-address=127.0.0.1:{prometheus}", "--storage.tsdb.path=data"]
    query = f"http://127.0.0.1:{prometheus}/api/v1/query_exemplars?query=whop_probe_runs_total&start=0&end=9999999999"
    with started(probe, folder), started(scrape, folder):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            time.sleep(1)
            with suppress(OSError), urllib.request.urlopen(query, timeout=LIMIT) as response:
                found = json.load(response)["data"]
                if found:
                    return f"{len(found)} series, such as {json.dumps(found[0]['exemplars'][0]['labels'])}"
    raise RuntimeError("no exemplar was stored")


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    """Run a program while the context is open."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdout=silent, stderr=silent) as process:  # noqa: S603 (the commands above)
        try:
            yield
        finally:
            process.terminate()


def main() -> int:
    """Time each way and print a table. Return 1 if one fails or is too slow."""
    failed = False
    with tempfile.TemporaryDirectory() as name:
        dist = Path(name) / "dist"
        run(f"uv build -q -o {dist} {ROOT}", Path(name))
        for way, command, function in ways(dist):
            folder = Path(name) / way
            folder.mkdir()
            begun = time.monotonic()
            try:
                result = function(folder)
            except (RuntimeError, ImportError, ValueError, OSError) as error:
                failed, result = True, f"FAILED: {error}"
            seconds = time.monotonic() - begun
            failed = failed or seconds > LIMIT
            print(f"{way:10} {seconds:6.1f} s  {command}: {result}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
