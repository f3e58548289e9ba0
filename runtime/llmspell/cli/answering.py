"""An agent's answer on stdout while it comes: rendered on a terminal, as it is elsewhere."""

from __future__ import annotations

import sys
from logging import INFO
from typing import TYPE_CHECKING, Any, TextIO

from llmspell.agents.events import ToolStarted
from llmspell.cli.log_lines import level_of
from llmspell.cli.output import as_json, has_colour, is_terminal, terminal_size
from llmspell.lua.files import write_stream
from llmspell.providers.contract import Notice, ReasoningDelta, TextDelta
from llmspell.providers.watching import close
from llmspell.repl.markdown import MarkdownStream, prepare

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.agents.result import Result
    from llmspell.config.schema import Logs
    from llmspell.providers.contract import ChatEvent
    from llmspell.providers.hub import Hub


def write(text: str, to: TextIO) -> None:
    """Write a text at once, in UTF-8 whatever the locale is."""
    write_stream(to, text.encode("utf-8", "replace"))
    to.flush()


async def answer(agent: Agent, turn: Any, hub: Hub, logs: Logs, *, markdown: bool = True) -> Result:
    """Run a turn and show it.

    On a terminal ``markdown`` is rendered with what the model thinks dimmed before it, and tools are named. Elsewhere
    the text goes out as it comes, with a newline at its end; what the model thinks goes to stderr with ``-v``.
    """
    terminal = sys.stdout.isatty()
    rendered = markdown and is_terminal(sys.stdout) and has_colour(sys.stdout)
    if rendered:
        prepare()
    stream = _stream(sys.stdout, rendered)
    thoughts = stream if rendered else _stream(sys.stderr, False) if level_of(logs) <= INFO else None
    listener = hub.on_event

    def hear(model: str, event: ChatEvent) -> None:
        if isinstance(event, Notice) and event.level == "info":  # it is said on stderr, perhaps on the same screen
            stream.end()
        if listener is not None:
            listener(model, event)

    hub.on_event = hear
    events = agent.stream(turn)
    try:
        async for event in events:
            if isinstance(event, TextDelta):
                if thoughts is not None and thoughts is not stream:
                    thoughts.end()
                stream.text(event.text)
            elif isinstance(event, ReasoningDelta) and thoughts is not None:
                thoughts.reasoning(event.text)
            elif isinstance(event, ToolStarted):
                if terminal:
                    stream.note(f"{event.call.name} {as_json(event.call.arguments, indent=None)}")
                else:  # what comes after the call begins on a line of its own
                    stream.end()
    finally:
        await close(events)
        stream.end()
    assert agent.last is not None
    return agent.last


def _stream(to: TextIO, rendered: bool) -> MarkdownStream:
    def width() -> int:
        return terminal_size().columns

    def height() -> int:
        return terminal_size().lines

    return MarkdownStream(lambda text: write(text, to), width, height, rendered, terminal=to.isatty())
