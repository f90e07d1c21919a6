"""When colours are printed: --color, NO_COLOR, FORCE_COLOR, and whether the stream is a terminal."""

from __future__ import annotations

import pytest

from whopwatch.cli import main

RED = "\x1b["
CHECK = ["check", "--only", "products.list", "--budget", "3"]


@pytest.mark.parametrize(
    ("options", "environ", "colored"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colors_in_a_pipe(
    options: list[str],
    environ: dict[str, str],
    colored: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main([*options, *CHECK]) == 0
    out, err = capsys.readouterr()
    assert (RED in out) is colored
    # A progress bar moves the cursor, which a pipe must never get.
    assert err.startswith("Checking simulator")
    assert "\x1b" not in err


def test_an_unknown_mode_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--color", "sometimes", *CHECK]) == 2
    assert "--color" in capsys.readouterr().err
