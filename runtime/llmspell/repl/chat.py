"""Talking with an agent: the one in the Lua variable `chat`, so that Lua and the chat share the conversation.

What is done to it is a job of the console (`lua/prelude/chatting.lua`), in the way that a script would do it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmspell.errors import InvalidRequest

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.lua.inputs import Input
    from llmspell.repl.shell import Shell


def current(shell: Shell) -> Agent | None:
    """The agent of the chat; None where there is none yet, or Lua is too busy to say."""
    if not shell.session.has_hub:
        return None
    number = shell.console.ask("chat_agent")
    if number is None:
        return None
    try:
        return shell.session.agents.get(int(number))
    except InvalidRequest:  # it was destroyed
        return None


def change(shell: Shell, **fields: Any) -> bool:
    """Let the chat go on with other settings, fields of `Agent.create`; without any, let there be a chat. None takes
    a setting away. What is wrong is shown; returns whether nothing was."""
    before = current(shell)
    given = {name: False if value is None else value for name, value in fields.items()}
    if shell.job("chat_change", json.dumps(given)).status != "done":
        return False
    after = current(shell)
    if before is not None and after is not None and after is not before:

        async def go_on() -> None:
            after.succeed(before)

        shell.wait(go_on())
    return True


def talk(shell: Shell, text: str) -> Input:
    """Ask the agent, and show its answer as it comes."""
    from llmspell.repl.answering import Answering

    async def hub() -> Any:
        return shell.session.hub

    with Answering(shell, shell.wait(hub())) as shell.answering:
        made = shell.job("chat", text)
    if made.status == "cancelled":
        shell.output.note("cancelled: the conversation is as before the question, and _ is what came of the answer")
    return made


def show(shell: Shell, kind: str, text: str) -> None:
    """What the job of an answer tells. In the console's thread."""
    if shell.answering is None:  # the debugger held it, and lets it go on
        from llmspell.repl.answering import Answering

        shell.answering = Answering(shell, shell.session.hub)
    shell.answering.take(kind, text)
