"""An answer that fits a schema: the model is made to call a tool whose arguments are the answer.

A tool takes an object. What is none is put into one, as its property ``value``, and taken out of it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_VALUE: Final = "value"
_COMBINED: Final = ("anyOf", "oneOf", "allOf", "$ref", "not", "if")
"""What the API refuses at the top of a tool's schema, or what says by itself nothing of objects."""
_DEFINITIONS: Final = ("$defs", "definitions")


@dataclass(frozen=True, slots=True)
class AnswerTool:
    """The tool that is the answer; ``wrapped`` says that the answer is a property of its arguments."""

    name: str
    schema: Mapping[str, Any]
    wrapped: bool

    @classmethod
    def of(cls, format: Mapping[str, Any], taken: Iterable[str]) -> AnswerTool:
        """The tool for a format; ``taken`` are names that it can't have."""
        name, others = "answer", set(taken)
        while name in others:
            name += "_"
        if format.get("type") == "object" and not any(word in format for word in _COMBINED):
            return cls(name, format, False)
        inner = {word: value for word, value in format.items() if word not in _DEFINITIONS}
        schema = {
            "type": "object",
            "properties": {_VALUE: _moved(inner)},
            "required": [_VALUE],
            "additionalProperties": False,
            **{word: _moved(format[word]) for word in _DEFINITIONS if word in format},
        }
        return cls(name, schema, True)

    @property
    def sent(self) -> dict[str, Any]:
        """The tool as the API takes it."""
        return {
            "name": self.name,
            "description": "Give your answer by calling this tool; its input is the whole answer.",
            "input_schema": self.schema,
        }

    def text(self, arguments: str) -> str:
        """The answer in the arguments of a call; arguments that are cut, or have no answer in them, as they are."""
        if not self.wrapped:
            return arguments
        try:
            return json.dumps(json.loads(arguments)[_VALUE], ensure_ascii=False)
        except (ValueError, KeyError, TypeError, RecursionError):
            return arguments


def _moved(schema: Any) -> Any:
    """A schema whose references to the root lead to where that is now."""
    if isinstance(schema, (list, tuple)):
        return [_moved(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    moved = {key: _moved(value) for key, value in schema.items()}
    place = moved.get("$ref")
    if isinstance(place, str) and place.startswith("#") and not place.startswith(("#/$defs/", "#/definitions/")):
        moved["$ref"] = f"#/properties/{_VALUE}{place[1:]}"
    return moved
