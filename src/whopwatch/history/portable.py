"""A baseline as JSON: to look into, to carry, to begin with elsewhere. It holds no value of any response."""

from __future__ import annotations

import json
from typing import Any

from whopwatch.core.errors import ConfigError
from whopwatch.history.records import Records
from whopwatch.history.tables import COLUMNS, VERSION, records_of, rows_of

KEY = "whopwatch_baseline"


def exported(records: Records) -> str:
    """The records as one JSON document; bytes are written in hex."""
    tables = {name: [[_plain(cell) for cell in row] for row in rows] for name, rows in rows_of(records).items()}
    return json.dumps({KEY: VERSION, "tables": tables}, indent=1) + "\n"


def imported(text: str, where: str) -> Records:
    """The records that `text` stands for. Raises ConfigError for anything that `exported` did not write."""
    try:
        document = json.loads(text)
        if document[KEY] != VERSION:
            raise ConfigError(
                "The export is of another version.", where=where, expected=str(VERSION), got=str(document[KEY])[:20]
            )
        tables = document["tables"]
        rows = {name: [_row(name, row) for row in tables[name]] for name in COLUMNS}
        records = records_of(rows)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError(
            "This is no export of a baseline.", where=where, expected="what `whopwatch baseline export` wrote"
        ) from None
    return records


def _row(name: str, row: list[Any]) -> tuple[Any, ...]:
    kinds = [column.split()[1] for column in COLUMNS[name].partition(", PRIMARY KEY (")[0].split(", ")]
    if len(row) != len(kinds):
        raise ValueError("a row of another length")
    return tuple(_cell(kind, cell) for kind, cell in zip(kinds, row, strict=True))


def _cell(kind: str, cell: Any) -> Any:
    if kind == "BLOB":
        return bytes.fromhex(cell)
    wanted = {"TEXT": str, "INTEGER": int, "REAL": (int, float)}[kind]
    if not isinstance(cell, wanted):  # type: ignore[arg-type]
        raise TypeError("a cell of another type")
    return cell


def _plain(cell: Any) -> Any:
    return cell.hex() if isinstance(cell, bytes) else cell
