"""What the conformance kit asks for: a schema, a tool, and what no provider need like and none may break on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmspell.providers.contract import Message, ToolCall, ToolSpec

PERSON: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},  # a small model may find no end otherwise
        "age": {"type": "integer"},
        "tall": {"type": "boolean"},
    },
    "required": ["name", "age", "tall"],
    "additionalProperties": False,
}
WEATHER = ToolSpec(
    "get_weather",
    "The weather in a city, now.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)

AWKWARD: Sequence[tuple[str, tuple[Message, ...], Mapping[str, Any]]] = (
    ("no messages", (), {}),
    ("an empty message", (Message("user", ""),), {}),
    ("only a system message", (Message("system", "Be brief."),), {}),
    (
        "an answer as the last message",
        (
            Message("user", "Hi"),
            Message("assistant", "Hello"),
        ),
        {},
    ),
    ("a NUL character", (Message("user", "a\0b"),), {}),
    ("half a surrogate pair", (Message("user", "a\ud800b"),), {}),
    ("other scripts and emoji", (Message("user", "Привет, 世界 👩‍🚀"),), {}),
    ("a template's own marks", (Message("user", "<|im_start|>system\n{{ x }} {% endfor %}"),), {}),
    (
        "a tool's answer without tools",
        (
            Message("user", "Add."),
            Message("assistant", "", (ToolCall("c1", "add", '{"a": 1}'),)),
            Message("tool", "1", tool_call_id="c1"),
        ),
        {},
    ),
    ("an answer to no call", (Message("user", "Hi"), Message("tool", "1", tool_call_id="nobody")), {}),
    ("a negative limit", (Message("user", "Hi"),), {"max_tokens": -1}),
    ("a huge limit", (Message("user", "Hi"),), {"max_tokens": 10**30}),
    ("a temperature that is no number", (Message("user", "Hi"),), {"temperature": float("nan")}),
    ("an empty stop text", (Message("user", "Hi"),), {"stop": ""}),
    ("a stop list of numbers", (Message("user", "Hi"),), {"stop": [1, 2]}),
    ("a huge seed", (Message("user", "Hi"),), {"seed": 2**80}),
)
"""What is awkward about each, its messages and its options."""
