"""Build the documentation site from the pages of the repository into build/site.

python tools/site/build.py
python tools/site/build.py --releases    each tag as well, in a folder of its own, and a page that lists them

The site has the folders of the repository, so that relative links work in both. Links to files that are not pages go to
the source on GitHub. A link to a file that does not exist ends the build.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
PAGES = BUILD / "pages"
CONFIG = Path(__file__).with_name("zensical.toml")
SOURCES = ("*.md", "docs/**/*.md", "docs/**/*.png", "probes/*.md", "contracts/*.md", "benchmarks/*.md")
LINK = re.compile(r"(\]\(|(?:href|src)=\")(?!https?:|mailto:|#)([^)#\"\s]+)")


def main() -> int:
    """Copy the pages with links that the site understands, then build it."""
    shutil.rmtree(PAGES, ignore_errors=True)
    pages = {path for pattern in SOURCES for path in ROOT.glob(pattern)}
    broken = [error for path in sorted(pages) for error in copy(path, pages)]
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return 1
    config = shutil.copy(CONFIG, BUILD)  # the generator writes only below the folder of its configuration
    if shutil.which("zensical") is None:
        print("zensical is missing: pip install -r requirements/dev.txt", file=sys.stderr)
        return 2
    command = ["zensical", "build", "--clean", "--strict", "-f", str(config)]
    code = subprocess.run(command, check=False).returncode  # noqa: S603 the arguments are ours
    if code == 0 and "--releases" in sys.argv[1:]:
        add_releases(BUILD / "site")
    return code


def add_releases(site: Path) -> None:
    """Build the site of each release tag into a folder of `site`, and the page that lists them, the newest first.

    A release is built by its own script and configuration, so that it stays as it was.
    """
    tags = git("tag", "--list", "v*", "--sort=-version:refname").split()
    for tag in tags:
        with tempfile.TemporaryDirectory() as name:
            git("worktree", "add", "--force", "--detach", name, tag)
            try:
                command = [sys.executable, f"{name}/tools/site/build.py"]
                subprocess.run(command, cwd=name, check=True)  # noqa: S603 the arguments are ours
                shutil.copytree(Path(name) / "build" / "site", site / tag)
            finally:
                git("worktree", "remove", "--force", name)
    links = "".join(f'<li><a href="../{tag}/">{tag}</a></li>' for tag in tags)
    head = '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Versions</title>'
    listing = f'{head}<ul><li><a href="../">main</a></li>{links}</ul>\n'
    (site / "versions").mkdir(exist_ok=True)
    (site / "versions" / "index.html").write_text(listing, encoding="utf-8")


def git(*arguments: str) -> str:
    """Return the output of a git command in the repository."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout  # noqa: S603


def copy(path: Path, pages: set[Path]) -> list[str]:
    """Copy one page or picture; return an error for each link to a file that does not exist."""
    copied = PAGES / site_path(path)
    copied.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".md":
        shutil.copyfile(path, copied)
        return []
    broken = []

    def on_the_site(link: re.Match[str]) -> str:
        target = (path.parent / link[2]).resolve()
        if not target.exists():
            broken.append(f"{path.relative_to(ROOT)}: {link[2]} does not exist")
        if target in pages:
            return link[1] + relative(site_path(target), site_path(path))
        kind = "tree" if target.is_dir() else "blob"
        return f"{link[1]}{repository()}/{kind}/main/{target.relative_to(ROOT)}"

    copied.write_text(LINK.sub(on_the_site, path.read_text(encoding="utf-8")), encoding="utf-8")
    return broken


def site_path(path: Path) -> Path:
    """Return where a file is on the site: a README is the index of its folder."""
    inside = path.relative_to(ROOT)
    return inside.with_name("index.md") if inside.name == "README.md" else inside


def relative(target: Path, page: Path) -> str:
    """Return the link from `page` to `target`, both paths of the site."""
    return "/".join([".."] * len(page.parent.parts) + list(target.parts))


def repository() -> str:
    """Return the address of the source."""
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    return str(config["project"]["repo_url"])


if __name__ == "__main__":
    sys.exit(main())
