"""Commands on a conversation: keeping it, going on with another one, and taking back what was said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from llmspell.errors import UsageError
from llmspell.repl import chat
from llmspell.repl.commands.chatting import has_chat
from llmspell.repl.files import run_file
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.repl.shell import Shell

_NONE: Final = "there is no chat yet: .chat begins one"


def _agent(shell: Shell) -> Agent:
    agent = chat.current(shell)
    if agent is None:
        raise UsageError("there is no chat yet", hint=".chat begins one; .save FILE.lua keeps the Lua so far")
    return agent


@command(
    ".save", "NAME|FILE.lua", "keep the chat under a name, or the Lua so far in a file", group="chat", takes="saved"
)
def save(shell: Shell, words: str) -> None:
    """What had the name is replaced; before a file is, you are asked."""
    if words.endswith(".lua"):
        _save_inputs(shell, os.path.expanduser(words))
        return
    from llmspell.agents.history import saving

    agent = _agent(shell)
    shell.wait(saving.save(agent, words, approved=agent.gated))
    shell.output.note(f"saved: .load {words} goes on from here")


@command(".load", "NAME|FILE.lua", "go on with a saved chat, or run a file", group="chat", takes="saved")
def load(shell: Shell, words: str) -> None:
    """The saved chat takes the place of the one that is there."""
    if words.endswith(".lua"):
        run_file(shell, words)
        return
    if shell.job("chat_load", words).status == "done":
        agent = chat.current(shell)
        if agent is not None:
            shell.output.note(f"{_turns(agent)} with {agent.config.model}")


@command(".undo", "", "take back the last question and its answer", group="chat", shown=has_chat, where=_NONE)
def undo(shell: Shell, words: str) -> None:
    """The question is shown, to be asked in another way."""
    agent = _agent(shell)

    async def work() -> str | None:
        turn = agent.conversation.undo()
        return turn[0].content if turn else None

    asked = shell.wait(work())
    shell.say("there is no turn to take back" if asked is None else f"taken back: {asked}")


@command(
    ".fork", "[NAME]", "keep the chat as it is now in a variable, and go on", group="chat", shown=has_chat, where=_NONE
)
def fork(shell: Shell, words: str) -> None:
    """Without a name it is the first of `chat_1`, `chat_2`, … that is free. `chat = NAME` goes back to it."""
    name = words or next(name for name in map("chat_{}".format, range(1, 1000)) if not _taken(shell, name))
    if shell.job("chat_fork", name).status == "done":
        shell.output.note(f"kept as {name}: chat = {name} goes back to it")


@command(".reset", "", "forget what was said; the settings stay", group="chat", shown=has_chat, where=_NONE)
def reset(shell: Shell, words: str) -> None:
    """The system prompt is one of the settings."""
    agent = _agent(shell)

    async def work() -> str:
        turns = _turns(agent)
        agent.conversation.reset()
        return turns

    shell.output.note(f"{shell.wait(work())} forgotten")


def _turns(agent: Agent) -> str:
    count = sum(message.role == "user" for message in agent.conversation.messages)
    return f"{count} turn{'' if count == 1 else 's'}"


def _taken(shell: Shell, name: str) -> bool:
    return bool(shell.console.ask("chat_taken", name))


# ── the Lua of a session ──────────────────────────────────────────────────────────────────────────────────────────────


def _save_inputs(shell: Shell, path: str) -> None:
    if not shell.inputs:
        raise UsageError("there is no Lua to save yet")
    if os.path.exists(path) and shell.ask(f"replace {path}? [y/N] ").strip().lower() not in ("y", "yes"):
        shell.output.note("nothing is saved")
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{as_program(text)}\n" for text in shell.inputs))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint="name a file in a folder that exists") from None
    count = len(shell.inputs)
    shell.output.note(f"{count} input{'' if count == 1 else 's'} saved: .load {path} runs them again")


def as_program(text: str) -> str:
    """An input as it can stand in a file: what is only a value is printed there, what is no Lua is a comment."""
    from llmspell.lua.reading import bytecode, syntax_problem

    if bytecode(text) is not None:
        return text
    value = text.lstrip().removeprefix("=")
    if syntax_problem(value) is None:
        return f"print({value}\n)" if "--" in value or "\n" in value else f"print({value})"
    return "".join(f"-- {line}\n" for line in text.splitlines()).rstrip("\n")
