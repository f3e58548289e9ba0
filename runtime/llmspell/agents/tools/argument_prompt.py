"""How a model is made to write a call's arguments: a plain text that it goes on with, held to the tool's schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from llmspell.agents.tools.candidates import EXAMPLES
from llmspell.plugins.values import Tool
from llmspell.providers.schema_order import ordered
from llmspell.providers.schema_words import NOTES, mapped, types_of

TEXT_LENGTH: Final = 400
"""Characters that a text among the arguments may have beside those of the request, where the schema doesn't say."""
LIST_LENGTH: Final = 20
"""Items that a list may have there, beside one for every four characters of the request."""
LARGEST: Final = 1e15
DECIMALS: Final = 1e-6
_EMPTY: Final = NOTES | {"type", "properties", "required", "additionalProperties", "$schema"}


def prompt_for(tool: Tool, request: str) -> str:
    """The tool's description, its examples as requests with their arguments, and the request."""
    shown = [f"Request: {text}\nJSON: {arguments}" for text, arguments in written_examples(tool)]
    return "\n\n".join([tool.description, *shown, f"Request: {request}\nJSON: "])


def written_examples(tool: Tool) -> list[tuple[str, str]]:
    """The requests of a tool's examples, each with its arguments as the model is to write them."""
    order = list(ordered(tool.parameters).get("properties", ()))
    return [(text, compact(_in_order(arguments, order))) for text, arguments in tool.examples[:EXAMPLES]]


def takes_nothing(schema: Mapping[str, Any]) -> bool:
    """Whether a tool has no arguments, so that no model need write any."""
    return not schema.get("properties") and not schema.get("required") and schema.keys() <= _EMPTY


def bounded(schema: Any, request: str) -> Any:
    """The schema with an end to each text, list and number that has none: a small model may find none by itself."""
    length, items = TEXT_LENGTH + len(request), LIST_LENGTH + len(request) // 4

    def change(schema: Any) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        copy, types = mapped(schema, change), types_of(schema)
        if "const" in copy or "enum" in copy:
            return copy
        if "string" in types and not {"maxLength", "pattern", "format"} & copy.keys():
            copy["maxLength"] = max(length, copy.get("minLength", 0))
        if "array" in types and not {"maxItems", "prefixItems"} & copy.keys():
            copy["maxItems"] = max(items, copy.get("minItems", 0))
        if "number" in types and "multipleOf" not in copy:
            copy["multipleOf"] = DECIMALS
            if not {"maximum", "exclusiveMaximum"} & copy.keys():
                copy["maximum"] = LARGEST
            if not {"minimum", "exclusiveMinimum"} & copy.keys():
                copy["minimum"] = -LARGEST
        return copy

    return change(schema)


def compact(value: Any) -> str:
    """A value as JSON without spaces, which is how engines that are held to a schema write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _in_order(arguments: Mapping[str, Any], order: list[str]) -> dict[str, Any]:
    """Arguments in the order that the schema gives them, so that an example and the answer look alike."""
    known = [name for name in order if name in arguments]
    return {name: arguments[name] for name in (*known, *(arguments.keys() - set(known)))}


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
