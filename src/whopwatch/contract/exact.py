"""Make a schema exact: reject what it does not document.

JSON Schema lets objects have any other field, and has no keyword for documented id prefixes. Where a value keeps the
exact schema, one pass of the compiled validator has shown everything; what is odd about any other value, and how
bad that is, the schema and the shape tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def exact(schema: Any) -> Any:
    """`schema` that no undocumented field and no id of an undocumented beginning keeps.

    Whatever keeps the result keeps `schema`, too. The reverse holds unless an object is documented in several parts
    that all have to hold (`allOf`): none of them names the fields of the others.
    """
    if not isinstance(schema, dict):
        return schema
    made = {keyword: _inside(keyword, part) for keyword, part in schema.items()}
    also = [*made.get("allOf", ())]
    if "properties" in schema and not schema.get("additionalProperties"):
        made["additionalProperties"] = False
    if "oneOf" in schema:  # stays as it is, too: a value that keeps two variants keeps one exact one
        also.append({"anyOf": [exact(part) for part in schema["oneOf"]]})
    begins = [{"pattern": f"^{re.escape(prefix)}"} for prefix in schema.get("x-id-prefix", ())]
    if len(begins) == 1 and "pattern" not in schema:  # the plainest form takes the least memory
        made |= begins[0]
    elif begins:
        also.append({"anyOf": begins})
    return {**made, "allOf": also} if also else made


def _inside(keyword: str, part: Any) -> Any:
    if keyword == "properties" and isinstance(part, Mapping):
        return {name: exact(schema) for name, schema in part.items()}
    if keyword in ("anyOf", "allOf"):
        return [exact(schema) for schema in part]
    return exact(part) if keyword in ("items", "additionalProperties") else part
