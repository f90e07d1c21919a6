"""What OpenAPI documents of other origins become, as `adapted/*.json` have it.

After a change on purpose: `python -m tests.contract.test_adapted` writes them anew; read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from whopwatch.contract import load
from whopwatch.contract.openapi_adapter import adapt, shared_operations
from whopwatch.contract.openapi_inference import not_understood, not_used

FOLDER = Path(__file__).with_name("adapted")
DOCUMENTS: dict[str, Any] = yaml.safe_load((FOLDER / "documents.yaml").read_text(encoding="utf-8"))


def adapted(name: str) -> dict[str, Any]:
    document = json.loads(json.dumps(DOCUMENTS[name], default=str))
    made, notes = adapt(document, load(), name)
    return {
        "shared_operations": shared_operations(document, load()),
        "inferred": [f"{note.operation}: {note.what}" for note in notes],
        "not_understood": [f"{note.operation}: {note.what}" for note in not_understood(document)],
        "not_used": not_used(document),
        "document": made,
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_becomes_this_contract(name: str) -> None:
    assert adapted(name) == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    for name in DOCUMENTS:
        text = json.dumps(adapted(name), indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
