"""A format's schema, reduced to what llama.cpp's converter makes a grammar of.

The server answers 500 or lets the model run on for ever where the converter meets a word that it takes amiss. What it
merely ignores stays. What is left out makes the grammar wider, never narrower: the host checks the answer against the
whole schema. The converter: https://github.com/ggml-org/llama.cpp, common/json-schema-to-grammar.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

REPETITIONS: Final = 2000
"""The grammar takes no more repetitions of one thing."""

_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems")
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")


def reduced(schema: Any) -> Any:
    """Return the schema as the server takes it; see the module."""
    if isinstance(schema, bool):
        return {}
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, Mapping):
            kept[key] = {name: reduced(inner) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, (list, tuple)):
            kept[key] = [reduced(inner) for inner in value]
        elif key in ("items", "additionalProperties"):
            kept[key] = value if isinstance(value, bool) else reduced(value)
        elif not _breaks(key, value):
            kept[key] = value
    if isinstance(kept.get("items"), bool):  # beside prefixItems
        del kept["items"]
    parts = kept.get("allOf")
    if parts and not all("properties" in part or "$ref" in part for part in parts):
        del kept["allOf"]  # only objects are put together; of bounds it makes another type
        if len(parts) == 1:
            kept = {**parts[0], **kept}
    return kept


def _breaks(key: str, value: Any) -> bool:
    if key == "pattern":
        return not isinstance(value, str) or not _anchored(value) or re.search(r"\\[a-zA-Z]|\(\?", value) is not None
    if key in _COUNTS:
        return isinstance(value, (int, float)) and value > REPETITIONS
    return False


def _anchored(pattern: str) -> bool:
    return pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")
