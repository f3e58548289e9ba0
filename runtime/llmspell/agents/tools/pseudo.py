"""Tools for a model that has none, where nothing can be scored: it is held to a schema that is a call or ``chat``."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from llmspell.agents.tools.argument_prompt import bounded, compact, read_object, takes_nothing, written_examples
from llmspell.agents.tools.candidates import NO_TOOL, TALK
from llmspell.agents.tools.folding import folded
from llmspell.agents.tools.host_made import Decision, host_made, written
from llmspell.agents.tools.values import Ask
from llmspell.plugins.values import Tool
from llmspell.providers.contract import ChatEvent, Message
from llmspell.providers.hub import Hub
from llmspell.providers.schema_order import ordered
from llmspell.providers.schema_words import mapped

_SHOWN: Final = 24
"""Examples in all, about: each is a turn of the prompt."""
_BEGUN: Final = re.compile(r'\s*\{\s*"tool"\s*:\s*"([^"\\]*)"\s*,\s*"arguments"\s*:\s*(.*)', re.DOTALL)


def pseudo_chat(hub: Hub, ask: Ask, messages: Sequence[Message]) -> AsyncIterator[ChatEvent]:
    """Answer native messages with at most one call of a tool; the events are those of a chat.

    The model first writes a call, or that it wants to chat, under a schema that allows nothing else. After that, and
    once a tool has answered, it answers in plain text, or to ``ask.format``.

    Raises:
        LLMSpellError: as `host_made` says.
    """
    return host_made(hub, ask, messages, _decide)


async def _decide(hub: Hub, ask: Ask, messages: Sequence[Message], request: str) -> Decision:
    talk = "chat"
    while any(tool.name == talk for tool in ask.tools):
        talk += "_"
    schema = decision_schema(ask.tools, talk, request)
    view = [*_instructed(ask.tools, talk, folded(messages))]
    answer = await written(
        lambda options: hub.chat(ask.model, view, format=schema, options=options, timeouts=ask.timeouts), ask, request
    )
    name, arguments = _call(answer.text)
    if any(tool.name == name for tool in ask.tools):
        return Decision(answer.usage, name, arguments, answer.notices)
    return Decision(answer.usage, notices=answer.notices)  # that, too, where the schema was not kept to


def decision_schema(tools: Sequence[Tool], talk: str, request: str) -> dict[str, Any]:
    """The schema of a call of one of the tools, or of ``{"tool": talk}``.

    A schema that refers to its own parts stands under ``$defs``, where its references are made to point.
    """
    choices: list[dict[str, Any]] = []
    definitions: dict[str, Any] = {}
    for tool in tools:
        inner = {"tool": {"const": tool.name}}
        if not takes_nothing(tool.parameters):
            schema = bounded(tool.parameters, request)
            moved = _pointed(schema, f"#/$defs/{tool.name}")
            if moved != schema:
                definitions[tool.name] = moved
                schema = {"$ref": f"#/$defs/{tool.name}"}
            inner["arguments"] = schema
        choices.append(_closed(inner))
    choices.append(_closed({"tool": {"const": talk}}))
    return {"anyOf": choices, **({"$defs": definitions} if definitions else {})}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _pointed(schema: Any, place: str) -> Any:
    """A schema whose references to itself point to where it stands now."""
    if not isinstance(schema, Mapping):
        return schema
    copy = mapped(schema, lambda inner: _pointed(inner, place))
    reference = copy.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        copy["$ref"] = place + reference[1:]
    return copy


# ── the prompt ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _instructed(tools: Sequence[Tool], talk: str, messages: Sequence[Message]) -> Iterator[Message]:
    """The messages behind what says which tools there are, and behind the examples, as turns."""
    lines = [
        f'Reply with JSON only: {{"tool":NAME,"arguments":{{…}}}} calls a tool, {{"tool":"{talk}"}} lets you talk.',
        *(f"{_signature(tool)}: {tool.description}" for tool in tools),
        f"{talk}: {NO_TOOL}",
    ]
    system = "\n".join(lines)
    first, rest = (messages[0], messages[1:]) if messages[0].role == "system" else (Message("system", ""), messages)
    yield replace(first, content=f"{first.content}\n\n{system}" if first.content else system)
    for request, reply in _examples(tools, talk):
        yield Message("user", request)
        yield Message("assistant", reply)
    yield from rest


def _signature(tool: Tool) -> str:
    """As in ``get_weather(city: string, unit?: "celsius" | "fahrenheit")``."""
    schema = ordered(tool.parameters)
    required = schema.get("required", ())
    shown = [
        f"{name}{'' if name in required else '?'}: {_kind(inner)}"
        for name, inner in schema.get("properties", {}).items()
    ]
    return f"{tool.name}({', '.join(shown)})"


def _kind(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "any"
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values:
        return " | ".join(map(compact, values))
    kind = schema.get("type", "any")
    return kind if isinstance(kind, str) else " | ".join(kind)


def _examples(tools: Sequence[Tool], talk: str) -> list[tuple[str, str]]:
    """As many examples of each tool as there is room for, and of talk last."""
    each = max(1, _SHOWN // (len(tools) + 1))
    shown = [(text, _reply(tool, arguments)) for tool in tools for text, arguments in written_examples(tool)[:each]]
    return [*shown, *((text, compact({"tool": talk})) for text in TALK[:each])]


def _reply(tool: Tool, arguments: str) -> str:
    name = compact(tool.name)
    return f'{{"tool":{name}}}' if takes_nothing(tool.parameters) else f'{{"tool":{name},"arguments":{arguments}}}'


# ── the reply ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _call(text: str) -> tuple[str | None, str | Mapping[str, Any]]:
    """The tool and the arguments that a reply names; the arguments as they came where they were cut off."""
    reply = read_object(text)
    if reply is not None:
        arguments = reply.get("arguments", {})
        return reply.get("tool"), arguments if isinstance(arguments, dict) else compact(arguments)
    begun = _BEGUN.match(text)
    return (begun[1], begun[2]) if begun else (None, "")
