"""The YAML files of a contract folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from whopwatch.core.errors import SourceError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: ten times faster


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; raises `SourceError` if it is missing or is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        raise SourceError("a file of the contract is missing", where=str(path)) from None
    except yaml.YAMLError as error:
        raise SourceError("a file of the contract is no YAML", where=str(path), got=str(error)) from None
