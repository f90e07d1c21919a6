"""Record in a Python process which fields of SDK models its code reads, for `whopwatch usage --run`.

Python imports this file at its start because its folder is on PYTHONPATH. It needs nothing of whopwatch, sends the
SDK's requests to WHOP_BASE_URL, and appends rows to a file in the folder WHOPWATCH_USAGE_ROWS, if it names one. A row
has names and places, no values: [kind, method or webhook, address, location, file, line]. A row `limit` says that no
more are written, a row `unknown` names a module of the SDK whose models are not watched.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.machinery
import json
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any, TextIO
from urllib.parse import parse_qsl

MAX_CHILD_ROWS = 100_000
MAX_BODY_STEPS = 20
MAX_FRAMES = 60
HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.environ.get("WHOPWATCH_USAGE_ROWS", "")
PROJECT = os.path.realpath(os.getcwd()) + os.sep
LIBRARIES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
OWN_MODULES = ("whop_sdk", "pydantic", "sitecustomize")
Source = tuple[str, str]
"""The method of a request, or `webhook`; and its address, or the event."""
WHOLE_READERS = frozenset(
    {"model_dump", "model_dump_json", "model_copy", "dict", "json", "copy", "to_dict", "to_json"}
    | {"__dict__", "__deepcopy__", "__reduce_ex__"}
)
open_file = open  # a test may replace `open`


def never_fails(note: Callable[..., None]) -> Callable[..., None]:
    """Return a function that notes something without ever making the user's command fail."""

    def note_quietly(*arguments: Any) -> None:
        with contextlib.suppress(Exception):
            note(*arguments)

    return note_quietly


class Rows:
    """The file that rows go to: one for each process, each row once."""

    def __init__(self) -> None:
        self.seen: set[tuple[object, ...]] = set()
        self.file: TextIO | None = None
        self.process = 0

    def add(self, *row: object) -> None:
        """Append a row, unless it is known."""
        if row in self.seen or len(self.seen) > MAX_CHILD_ROWS:
            return
        if len(self.seen) == MAX_CHILD_ROWS:
            row = ("limit", "", "", "", "", 0)
        self.seen.add(row)
        if self.file is None or self.process != os.getpid():  # the first row of this process
            self.process = os.getpid()
            self.file = open_file(os.path.join(FOLDER, f"{self.process}.jsonl"), "a", encoding="utf-8")
            atexit.register(never_fails(self.file.close))
        if not self.file.closed:
            self.file.write(json.dumps(row) + "\n")
            self.file.flush()


rows = Rows()
origins: dict[int, tuple[object, Source, str]] = {}
"""By the id of a model: a reference to it, the method and address that it came from, and its location there."""


def note_origin(value: Any, source: Source, location: str) -> None:
    """Note where a model, or the models in a list or record, came from."""
    if isinstance(value, list):
        for item in value:
            note_origin(item, source, location + "/*")
    elif isinstance(value, dict):
        for key, item in value.items():
            note_origin(item, source, location + "/" + escaped(key))
    elif hasattr(type(value), "__pydantic_fields__") or hasattr(type(value), "__fields__"):
        key = id(value)
        origins[key] = (weakref.ref(value, lambda _: origins.pop(key, None)), source, location)


def escaped(name: object) -> str:
    """Return a name as a step of a location."""
    return str(name).replace("~", "~0").replace("/", "~1")


def place(frame: FrameType | None) -> tuple[str, int]:
    """Return file and line of the nearest code of the user's project, ("", 0) without one."""
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        file = os.path.abspath(frame.f_code.co_filename)
        if file.startswith(PROJECT) and not any(part in file for part in LIBRARIES):
            return file[len(PROJECT) :].replace(os.sep, "/"), frame.f_lineno
        frame = frame.f_back
    return "", 0


def is_own(frame: FrameType | None) -> bool:
    """Return whether the SDK itself, or what it is made of, runs in a frame."""
    return frame is None or frame.f_globals.get("__name__", "").partition(".")[0] in OWN_MODULES


@never_fails
def note_read(model: Any, name: str, value: Any, frame: FrameType) -> None:
    """Note a read of an attribute of a model, and where its value came from."""
    found = origins.get(id(model))
    if found is None:
        return
    _, source, location = found
    if name in WHOLE_READERS:
        if not is_own(frame):
            rows.add("whole", *source, location, *place(frame))
        return
    fields = getattr(type(model), "model_fields", None) or getattr(type(model), "__fields__", {})
    if name not in fields and name not in (getattr(model, "__pydantic_extra__", None) or {}):
        return
    wire_name = getattr(fields.get(name), "alias", None) or name
    below = location + "/" + escaped(wire_name)
    note_origin(value, source, below)
    if is_own(frame):
        return
    rows.add("field", *source, below, *place(frame))
    if isinstance(value, (dict, list)):
        plain = value if isinstance(value, dict) else [one for one in value if isinstance(one, (dict, list))]
        if plain:  # no model: what is read of it is not seen
            rows.add("whole", *source, below, *place(frame))


def watch_models(base: Any) -> None:
    """Make a model class note what is read of its instances."""
    get, iterate = base.__getattribute__, base.__iter__
    copy: Callable[[Any], Any] | None = getattr(base, "__copy__", None)

    def get_and_note(self: Any, name: str) -> Any:
        value = get(self, name)
        if name[:1] != "_" or name in WHOLE_READERS:
            note_read(self, name, value, sys._getframe(1))
        return value

    def iterate_and_note(self: Any) -> Any:
        note_read(self, "__dict__", None, sys._getframe(1))
        return iterate(self)

    base.__getattribute__ = get_and_note
    base.__iter__ = iterate_and_note
    if copy is not None:  # pydantic 2

        def copy_and_note(self: Any) -> Any:
            note_read(self, "__dict__", None, sys._getframe(1))
            return copy(self)

        base.__copy__ = copy_and_note


def note_request(request: Any, frame: FrameType) -> Source:
    """Note a request with the names of what it sends, and return its method and address."""
    source = (str(request.method), str(request.url).partition("?")[0])
    where = place(frame)
    rows.add("call", *source, "", *where)
    for name, _ in parse_qsl(request.url.query.decode("latin-1"), keep_blank_values=True):
        rows.add("sent", *source, "param:" + name, *where)
    try:
        body = json.loads(request.content)
    except Exception:
        return source
    for location in names_below(body, "", 0):
        rows.add("sent", *source, "body:" + location, *where)
    return source


def names_below(value: Any, location: str, level: int) -> Iterator[str]:
    """Yield the locations of the names in a request body."""
    if level > MAX_BODY_STEPS:
        return
    if isinstance(value, list):
        for item in value:
            yield from names_below(item, location + "/*", level + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            below = location + "/" + escaped(key)
            yield below
            yield from names_below(item, below, level + 1)


@never_fails
def note_response(result: Any, request: Any, frame: FrameType) -> None:
    """Note a request, and that a result came from its response."""
    note_origin(result, note_request(request, frame), "")


@never_fails
def note_event(event: Any, frame: FrameType) -> None:
    """Note a verified event."""
    source = ("webhook", str(getattr(event, "type", "")))
    note_origin(event, source, "")
    rows.add("call", *source, "", *place(frame))


def watch_responses(module: Any) -> None:
    """Note what the Stainless SDK parses: releases up to 1."""
    for name in ("BaseAPIResponse", "LegacyAPIResponse"):
        parser = getattr(module, name, None)
        if parser is not None:
            parser._parse = noting(parser._parse)


def noting(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method `_parse` of a response that also notes the result."""

    def parse_and_note(self: Any, *arguments: Any, **named: Any) -> Any:
        result = parse(self, *arguments, **named)
        note_response(result, self.http_response.request, sys._getframe(1))
        return result

    return parse_and_note


def watch_unwrap(module: Any) -> None:
    """Note the events that the SDK verifies."""
    for name in ("WebhooksResource", "AsyncWebhooksResource"):
        for method in ("unwrap", "unsafe_unwrap"):
            original = getattr(getattr(module, name, None), method, None)
            if original is not None:
                setattr(getattr(module, name), method, unwrapping(original))


def unwrapping(unwrap: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method `unwrap` that also notes the event."""

    def unwrap_and_note(self: Any, *arguments: Any, **named: Any) -> Any:
        event = unwrap(self, *arguments, **named)
        note_event(event, sys._getframe(1))
        return event

    return unwrap_and_note


def watch_parsing(module: Any) -> None:
    """Note what the Fern SDK parses: releases from 2 on."""
    parse = module.parse_obj_as

    def parse_and_note(type_: Any, object_: Any) -> Any:
        result = parse(type_, object_)
        frame = sys._getframe(1)
        request = getattr(frame.f_locals.get("_response"), "request", None)
        if request is not None:
            note_response(result, request, frame)
        return result

    module.parse_obj_as = parse_and_note
    watch_models(module.UniversalBaseModel)


def set_address(module: Any) -> None:
    """Send the requests of the Fern SDK, which does not read WHOP_BASE_URL, to it."""
    for environment in (module.WhopEnvironment.PRODUCTION, module.WhopEnvironment.SANDBOX):
        environment.api = environment.vault = os.environ["WHOP_BASE_URL"]


WATCHED: dict[str, Callable[[Any], None]] = {
    "whop_sdk._models": lambda module: watch_models(module.BaseModel),
    "whop_sdk._response": watch_responses,
    "whop_sdk.resources.webhooks": watch_unwrap,
    "whop_sdk.core.pydantic_utilities": watch_parsing,
    "whop_sdk.environment": set_address,
}


class Finder:
    """Find the modules of the SDK that are watched; they are changed when they have run."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's spec with a loader that also changes the module; None for any other module."""
        watch = WATCHED.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if watch else None
        if watch is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_watch(module: ModuleType) -> None:
            run(module)
            try:
                watch(module)
            except AttributeError:  # a release that is built in another way
                rows.add("unknown", name, "", "", "", 0)

        spec.loader.exec_module = run_and_watch  # type: ignore[method-assign]
        return spec


def import_next_sitecustomize() -> None:
    """Import the file of this name that Python would have found without this one."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
    own = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        pass
    finally:
        if own is not None:
            sys.modules["sitecustomize"] = own


if not FOLDER:  # a run that is not recorded
    WATCHED = {"whop_sdk.environment": set_address}
if "WHOPWATCH_USAGE_ROWS" in os.environ:
    sys.meta_path.insert(0, Finder)
    import_next_sitecustomize()
