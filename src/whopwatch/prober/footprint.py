"""Keep the prober's memory small for months: a reduced contract, and settings of malloc and the garbage collector."""

from __future__ import annotations

import ctypes
import gc
import pickle
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from whopwatch.contract import Contract
from whopwatch.core.pointers import lookup

# Parameters of glibc's mallopt(3).
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_MMAP_BYTES = 128 * 2**10

TRIM_SECONDS = 60.0
"""How often to trim the heap: between responses of all sizes, free pages grow by half a MiB a minute."""
_OBJECTS_PER_COLLECTION = 20_000
"""Allocations before the garbage collector runs. Those of a few responses, which leave no cycles behind."""


def configure_malloc() -> None:
    """Make glibc return large blocks at once and use one arena for all threads; no effect without glibc.

    By default every thread that allocates gets an arena of its own, and the process keeps what one scrape or one large
    response took.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
        libc.mallopt(_M_ARENA_MAX, 1)


def freeze_startup_objects() -> None:
    """Exclude all existing objects from garbage collection. Call it once, when everything long-lived exists."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION, 10, 10)
    trim_heap()


def trim_heap() -> None:
    """Return free memory to the system, also from the middle of the heap; no effect without glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def reads_only(contract: Contract) -> Contract:
    """Return a contract with only the GETs of `contract` and what they refer to, and the same edition.

    Equal parts of its documents are the same object in memory.
    """
    shared: dict[Any, Any] = {}
    documents = {api: _deduplicated(_get_paths(document), shared) for api, document in contract.documents.items()}
    return Contract(documents, contract.edition)


def packed(contract: Contract) -> bytes:
    """Return `contract` as bytes, for `unpacked`.

    The parts of a contract that was just read lie scattered over the heap, so that the few which are kept hold on to
    all of its pages. Packed, dropped and unpacked again, the newest contract takes 3 to 8 MiB instead of 19.
    """
    return pickle.dumps((dict(contract.documents), contract.edition))


def unpacked(data: bytes) -> Contract:
    """Return the contract that `packed` made `data` of. Equal parts of its documents stay the same object."""
    documents, edition = pickle.loads(data)  # noqa: S301 (made by this process)
    return Contract(documents, edition)


def _get_paths(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: part for name, part in document.items() if name not in ("paths", "webhooks", "components")}
    kept["paths"] = {path: {"get": item["get"]} for path, item in document["paths"].items() if "get" in item}
    kept["components"] = {}
    todo, copied = [kept["paths"]], set()
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in copied:
                copied.add(reference)
                _, _, section, name = reference.split("/")
                part = lookup(document, reference)
                kept["components"].setdefault(section, {})[name] = part
                todo.append(part)
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return kept


def _deduplicated(node: Any, shared: dict[Any, Any]) -> Any:
    """Return `node` with equal parts replaced by one object. Safe because documents are never changed."""
    key: Any
    if isinstance(node, dict):
        node = {_deduplicated(name, shared): _deduplicated(part, shared) for name, part in node.items()}
        key = (dict, *((name, id(part)) for name, part in node.items()))
    elif isinstance(node, list):
        node = [_deduplicated(part, shared) for part in node]
        key = (list, *map(id, node))
    else:
        key = (type(node), node)
    return shared.setdefault(key, node)
