"""Write the session in docs/howto/sdk-and-mcp.md: the official MCP client asks `whopwatch mcp serve` about a bad night.

    python tools/pictures/mcp_session.py

The night runs at a simulator that lacks a field which a small program reads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from whopwatch.simulator import embedded

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "sdk-and-mcp.md"
BEGIN, END = "<!-- session of tools/pictures/mcp_session.py -->\n", "<!-- end of the session -->"
CODE = """from whop_sdk import Whop

for product in Whop().products.list(company_id="biz_x"):
    print(product.title, product.route)
"""
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("what_changed_since", {}),
    ("impact_on_code", {}),
    ("explain_finding", {"fingerprint": "3681321f17f7"}),
    ("operation_health", {"operation": "products.list"}),
    ("version_changes", {"version": "newest", "operation": "products.list"}),
    ("show_contract", {"name": "products.list"}),
)
LINES = 8
"""Lines of each result that the page shows."""


def main() -> None:
    """Run a night and the session, and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(CODE)
        run(folder, "usage", "app.py", "-o", "usage.json")
        with embedded(faults=["field-missing@products.list"]) as simulator:
            environ = {"WHOP_API_KEY": simulator.api_key, "WHOP_COMPANY_ID": simulator.company_id}
            run(folder, "drift", "--target", simulator.base_url, "--resource", "products", **environ)
        text = anyio.run(session, folder)
    page = PAGE.read_text(encoding="utf-8")
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(f"{page[:start]}\n```text\n{text}```\n\n{page[end:]}", encoding="utf-8")


def run(folder: Path, *arguments: str, **environ: str) -> None:
    """Run a command of whopwatch in `folder`."""
    command = [sys.executable, "-m", "whopwatch", *arguments]
    subprocess.run(command, cwd=folder, env={**os.environ, **environ}, check=False, capture_output=True)  # noqa: S603


async def session(folder: Path) -> str:
    """Ask the questions with the official client; return what was asked and the first lines of each result."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "whopwatch", "mcp", "serve"], cwd=folder)
    shown: list[str] = []
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        shown.append(f"tools: {', '.join(tool.name for tool in tools)}\n")
        for name, arguments in QUESTIONS:
            result: Any = await client.call_tool(name, arguments)
            lines = result.content[0].text.splitlines()
            left = [f"  … {len(lines) - LINES} more lines"] if len(lines) > LINES else []
            asked = ", ".join(f"{key}={value}" for key, value in arguments.items())
            shown += [f"> {name}({asked})", *(f"  {line}"[:150] for line in lines[:LINES]), *left, ""]
    return "\n".join(shown)


if __name__ == "__main__":
    main()
