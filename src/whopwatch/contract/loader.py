"""Finding and loading a contract folder.

`bundle.json` holds all of it in one file, with the digest of every YAML file that went into it. As long as those
digests hold, the bundle is loaded (milliseconds); as soon as a file was edited, the YAML files are read instead
(seconds), so that an edit takes effect at once and a bundle can never be stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from whopwatch.contract.bundle import bundle
from whopwatch.contract.model import Contract
from whopwatch.core.errors import ContractError

BUNDLE = "bundle.json"
BUNDLE_FORMAT = 1


def data_dir(name: str) -> Path:
    """The data folder `name` (`contracts`, `probes`): inside an installed package, or at the root of a checkout."""
    installed = Path(__file__).parents[1] / "data" / name
    return installed if installed.is_dir() else Path(__file__).parents[3] / name


def contracts_dir() -> Path:
    """The contract that comes with whopwatch."""
    return data_dir("contracts")


@cache
def load(folder: Path | None = None) -> Contract:
    """The contract in `folder`, by default the one that comes with whopwatch.

    Raises ContractError where the folder holds no contract or a damaged one.
    """
    folder = folder or contracts_dir()
    documents = _bundled(folder) or bundle(folder)
    canonical = json.dumps(documents, sort_keys=True, separators=(",", ":")).encode()
    return Contract(documents, hashlib.sha256(canonical).hexdigest())


def _bundled(folder: Path) -> dict[str, Any] | None:
    """The documents in the folder's bundle, or None where there is none or it is not of these files."""
    try:
        stored = json.loads((folder / BUNDLE).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ContractError(
            "The contract's bundle is damaged.",
            where=str(folder / BUNDLE),
            expected="a JSON document",
            got=str(error),
            hint="restore the file, or delete it: the YAML files beside it are the contract",
        ) from None
    if stored.get("format") != BUNDLE_FORMAT or stored["files"] != digests(folder, stored["files"]):
        return None
    return {key: value for key, value in stored.items() if key not in ("format", "files")}


def digests(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """The sha256 of each of the files called `names` below `folder`; one that is missing is left out."""
    paths = ((name, folder / name) for name in names)
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths if path.is_file()}
