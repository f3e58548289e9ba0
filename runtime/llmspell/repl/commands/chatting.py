"""Commands for talking: with whom, and how full the conversation is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell.repl import chat
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.repl.shell import Shell


def has_chat(shell: Shell) -> bool:
    """Where commands on a conversation make sense."""
    return chat.current(shell) is not None


@command(".chat", "[MODEL]", "talk to a model: lines are questions from now on", group="chat", takes="model")
def talk(shell: Shell, words: str) -> None:
    """The agent is the variable `chat` of Lua; with another model it goes on with the same conversation."""
    from llmspell.repl.markdown import prepare

    if chat.change(shell, **({"model": words} if words else {})):
        shell.mode = "chat"
        if shell.colour:
            prepare()


@command(
    ".lua", "", "go back to Lua", group="chat", shown=lambda shell: shell.mode == "chat", where="Lua is on already"
)
def lua(shell: Shell, words: str) -> None:
    """The conversation stays, in the variable `chat`."""
    shell.mode = "lua"


@command(".model", "[MODEL]", "say what the chat's model is, or go on with another one", group="chat", takes="model")
def model(shell: Shell, words: str) -> None:
    """The conversation stays, and so do all other settings."""
    if words and not chat.change(shell, model=words):
        return
    agent = chat.current(shell)
    spec = agent.config.model if agent is not None else shell.session.model
    if words:
        shell.output.note(f"the chat goes on with {spec}")
        return

    async def found() -> str:
        info = await shell.session.hub.info(spec)
        window = info.window or info.context_length
        room = f"a context of {window:,} tokens" if window else None
        about = (info.parameter_count, info.quantization, room)
        return f"{spec}, by {', '.join(filter(None, (info.provider, *about)))}"

    shell.say(shell.wait(found()))


@command(
    ".tokens",
    "",
    "say how full the context is, and what was used",
    group="chat",
    shown=has_chat,
    where="there is no chat yet: .chat begins one",
)
def tokens(shell: Shell, words: str) -> None:
    """What the next question begins with, and what all turns so far have taken."""
    agent = chat.current(shell)
    if agent is not None:
        shell.say(shell.wait(_tokens(shell, agent)))


async def _tokens(shell: Shell, agent: Agent) -> str:
    from llmspell.errors import LLMSpellError
    from llmspell.providers.spending.budget import dollars

    hub, spec, messages = shell.session.hub, agent.config.model, agent.messages()
    window = await hub.window(spec)
    try:
        counted = await hub.count(spec, messages, agent.tool_specs) if messages else 0
    except LLMSpellError:  # a chat would say why
        counted = None
    if counted is None:
        shown, now = "about ", hub.estimates.tokens(spec, messages, agent.tool_specs)
    else:
        shown, now = "", counted
    room = f" of {window:,} ({now / window:.0%})" if window else ""
    used = agent.counters.usage
    read = f"{used.input_tokens:,} in ({used.cached_tokens:,} of them cached)"
    cost = f", {dollars(used.cost)}" if used.cost else ""
    return (
        f"conversation  {shown}{now:,} tokens{room}{', by an estimate' if shown else ''}\n"
        f"used so far   {read}, {used.output_tokens:,} out{cost}"
    )
