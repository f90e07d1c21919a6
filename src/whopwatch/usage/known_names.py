"""Names of the SDKs, of HTTP clients and of functions of each language that matter for following data."""

from __future__ import annotations

SDK_PACKAGES = frozenset({"whop_sdk", "@whop/sdk"})
OWN_CLIENTS = ("Whop", "AsyncWhop")
CLIENTS = (*OWN_CLIENTS, "Client", "AsyncClient")
"""Names of the SDK's clients. The last two are common: they count only if they come from the SDK."""
CLIENT_NAMES = frozenset({"whop", "whopclient", "whopsdk", "whopapi", "asyncwhop"})
"""Variables that are taken for a client without a sign of where they come from, in lower case without underscores."""
SAME_CLIENT = frozenset({"with_options", "withOptions", "copy", "with_raw_response", "with_streaming_response"})

SDK_PARTS = {"with_raw_response": "raw_response", "with_options": "options"}
"""Attributes of a client that are parts of the SDK itself, and what the profile calls the part."""

HTTP_MODULES = frozenset({"httpx", "requests", "aiohttp", "axios", "ky", "got", "node-fetch", "undici", "cross-fetch"})
HTTP_CLASSES = frozenset({"Client", "AsyncClient", "Session", "ClientSession", "create", "extend"})
METHOD_OF_FUNCTION = {
    **{method: method.upper() for method in ("get", "post", "put", "patch", "delete")},
    "request": "*",
    "stream": "*",
    "fetch": "GET",
}
"""The method that a function of an HTTP client sends; `*` takes it from the first argument."""
HTTP_FUNCTIONS = {"fetch": "GET"}
BODY_OF_RESPONSE = frozenset({"json", "data", "body", "parsed"})

SAME_DATA = frozenset(
    {"parse", "model_dump", "to_dict", "dict", "copy", "model_copy", "auto_paging_iter", "get_next_page"}
    | {
        "iter_pages",
        "getNextPage",
        "iterPages",
        "getPaginatedItems",
        "__aenter__",
        "asResponse",
        "result",
        "__dict__",
        "catch",
        "finally",
    }
)
"""Methods and attributes whose result is the same data."""
PARTS_OF_PAGE = frozenset({"data", "page_info", "has_next_page", "get_next_page", "iter_pages", "next_page_info"})
"""Attributes of a page of the SDK."""
MODEL_METHODS = frozenset({"to_dict", "to_json"})
"""Methods of models of the SDK in Python that later releases name otherwise."""
NEXT_PAGE = frozenset(
    {"get_next_page", "iter_pages", "auto_paging_iter", "getNextPage", "iterPages", "getPaginatedItems"}
)
"""Methods of a page with which code walks through all pages."""
ITERATES = frozenset({"list", "tuple", "set", "sorted", "map", "filter", "zip", "enumerate", "min", "max", "sum"})
"""Functions that take all items of a page of the SDK, and of the ones after it."""
CALL_WITH_ITEMS = frozenset(
    {"map", "flatMap", "filter", "forEach", "find", "findLast", "some", "every", "reduce", "reduceRight", "sort"}
)
SAME_LIST = frozenset({"slice", "reverse", "toSorted", "concat", "filter", "sort", "copy", "values", "flat"})
CALLS_TOOL = frozenset({"call_tool", "callTool"})
"""Methods of an MCP session that call the tool of a name."""
ADDS_ITEM = frozenset({"append", "appendleft", "add", "push", "unshift", "put", "put_nowait"})
SETS_KEY = frozenset({"set", "append"})
"""Methods that set a key of a map, or a parameter of a query; of a list, `append` has one argument."""
ONE_ITEM = frozenset({"at", "pop", "popleft", "shift", "get_nowait"})
BEGINS_WITH = frozenset({"startswith", "startsWith"})
WRITES_DATA = frozenset({"to_json", "model_dump_json", "toJSON"})
"""Those of READS_WHOLE whose result is the same data as text."""
READS_WHOLE = frozenset({"items", "values", "keys", "to_json", "model_dump_json", "toJSON"})
SAME_AS_ARGUMENT = frozenset(
    {"frozenset", "Set"}
    | {
        "list",
        "tuple",
        "set",
        "sorted",
        "reversed",
        "iter",
        "aiter",
        "deepcopy",
        "cast",
        "run",
        "gather",
        "all",
        "from",
        "deque",
        "create_task",
        "ensure_future",
        "wait_for",
        "shield",
        "as_completed",
    }
    | {"URLSearchParams", "urlencode", "URL", "aclosing", "closing", "islice", "chain", "freeze", "allSettled", "loads"}
    | {"vars", "asdict", "parse", "structuredClone", "assign", "to_jsonable_python", "values", "entries"}
)
"""Functions that return their argument, or something with the same items."""
ALL_PAGES = frozenset({"iter_pages", "iterPages"})
"""Methods of a page whose result is all pages."""
EVERY_FIELD = frozenset({"values", "entries"})
"""Those of SAME_AS_ARGUMENT that read each field of an object."""
STANDARD_MODULES = frozenset(
    {
        "",
        "asyncio",
        "anyio",
        "itertools",
        "collections",
        "dataclasses",
        "queue",
        "copy",
        "typing",
        "contextlib",
        "json",
        "urllib",
        "logging",
        "url",
    }
)
"""Modules whose functions are known by their names; the empty one is for names that no import explains."""
ALIASES = frozenset({"alias", "validation_alias"})
"""Arguments that name a field in data, of what declares a field of a class."""
READS_SHAPE = frozenset(
    {"model_validate", "parse_obj", "from_orm", "validate_python", "validate", "from_dict", "structure"}
    | {"parse", "safeParse", "parseAsync", "safeParseAsync"}
)
"""Methods of a class or schema that read its fields from data."""
SCHEMAS = frozenset({"zod", "z", "yup", "valibot", "superstruct"})
SAME_SHAPE = frozenset(
    {"nullable", "optional", "nullish", "strict", "passthrough", "partial", "default", "catch", "transform", "refine"}
)
CALLS_ARGUMENT = frozenset(
    {"to_thread", "submit", "run_in_executor", "run_sync", "run_in_threadpool", "apply_async", "call_soon", "nextTick"}
)
"""Functions that call a function among their arguments with the arguments after it."""
MAKES_RECORD = frozenset({"Map", "WeakMap", "defaultdict", "OrderedDict", "Counter", "fromEntries"})
MAKES_QUERY = frozenset({"URLSearchParams", "FormData"})
WRITES_RECORD = frozenset({"model_dump", "dict", "to_dict", "asdict", "vars"})
"""Functions and methods that make a record of the fields of an object of the user's own."""
MAKES_LIST = frozenset({"list", "set", "deque", "Set", "Array"})
MAKES_QUEUE = frozenset({"Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"})
MAKES_TASK = frozenset({"create_task", "ensure_future"})
"""Methods of a loop or a group of tasks: the result of the task is that of their argument."""
WRITES_JSON = frozenset({"stringify", "dumps"})
PLAIN_DECORATORS = frozenset(
    {"lru_cache", "cache", "staticmethod", "classmethod", "abstractmethod", "override", "overload", "wraps"}
    | {"contextmanager", "asynccontextmanager", "singledispatch", "final", "deprecated", "retry"}
)
"""Decorators after which only the user's own code calls the function."""
READS_NO_FIELD = frozenset(
    {
        *("len", "isinstance", "type", "print", "bool", "str", "int", "float", "repr", "hasattr", "id", "sum", "any"),
        *("range", "console", "logger", "logging", "log", "debug", "info", "warn", "warning", "error"),
        *("Boolean", "String", "Number"),
    }
)
"""Functions that read no field of what they get."""
