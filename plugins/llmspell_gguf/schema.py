"""A JSON schema, reduced to what the engines' grammar holds to: llguidance makes it for both.

llguidance drops a schema with one word in it that it doesn't know, silently in xllamacpp, and then the model writes
prose. See `llmspell.providers.schema_dialects` for what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell.providers.schema_dialects import LLGUIDANCE
from llmspell.providers.schema_reduction import reduced


def reduce(schema: Any) -> Any:
    """Return the schema as the engine takes it; see the module.

    Raises:
        InvalidRequest: nothing can satisfy it.
    """
    return reduced(schema, LLGUIDANCE)


def first_characters(schema: Any) -> str:
    """The characters with which an answer that keeps to a reduced schema can begin."""
    if isinstance(schema, Mapping):
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return "".join(_begin(value) for value in values)
        if "anyOf" in schema:
            return "".join(map(first_characters, schema["anyOf"]))
        if isinstance(schema.get("type"), str) and schema["type"] in _BEGINNINGS:
            return _BEGINNINGS[schema["type"]]
    return "".join(_BEGINNINGS.values())


_BEGINNINGS: Final[Mapping[Any, str]] = {
    "object": "{",
    "array": "[",
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
}


def _begin(value: Any) -> str:
    if isinstance(value, bool):
        return "tf"
    for kind, name in ((str, "string"), (Mapping, "object"), ((int, float), "number"), ((list, tuple), "array")):
        if isinstance(value, kind):
            return _BEGINNINGS[name]
    return "n"
