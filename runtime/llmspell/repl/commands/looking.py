"""Commands that explain: what there is, what a name stands for, and all of a value."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from llmspell.errors import UsageError
from llmspell.repl import registry
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.lua.reference import Entry
    from llmspell.repl.documentation import Documentation
    from llmspell.repl.shell import Shell


def is_going(shell: Shell) -> bool:
    """Whether nothing is held by the debugger."""
    return shell.paused is None


@command(
    ".help", "[NAME]", "list the commands, or explain a command, a function or a value", group="session", takes="name"
)
def explain(shell: Shell, words: str) -> None:
    """A name is written as in Lua: `Agent.create`, or `agent:execute` of a variable."""
    from llmspell.repl import explaining
    from llmspell.repl.completion.scanning import context
    from llmspell.repl.completion.values import Values

    if not words:
        shell.say(explaining.overview((one for one in registry.commands() if one.shown(shell)), shell.width))
        return
    asked = registry.find(words)
    if asked is not None:
        shell.say(explaining.of_command(asked, shell.width))
        return
    chain = context(f"{words}.").chain
    values = Values(shell.console, shell.documentation)
    found = _documented(values.entry(chain) if chain else None, words, shell.documentation)
    if found is not None:
        shell.say(explaining.of_entry(found, shell.documentation, shell.width))
    elif chain and (kind := values.kind(chain)):
        shell.say(f"{words} is a {kind}; `.inspect {words}` shows all of it")
    elif (asked := registry.find(f".{words}")) is not None:
        shell.say(explaining.of_command(asked, shell.width))
    else:
        raise UsageError(f"nothing is known of '{words}'", hint=_hint(shell, words))


@command(
    ".inspect",
    "EXPRESSION",
    "show all of a value: what the echo cuts, and its methods",
    group="code",
    takes="lua",
    shown=is_going,
    where="while a script is held `.eval EXPRESSION` shows a value",
)
def inspect(shell: Shell, words: str) -> None:
    """Texts are shown up to 100,000 bytes, tables up to 20 deep."""
    shell.job("inspect", words.removeprefix("=").strip(), shell.width)


def _documented(found: Entry | None, name: str, documentation: Documentation) -> Entry | None:
    """The whole entry: a value only knows what its class is called."""
    if found is None:
        return documentation.find(name)
    return documentation.class_entry(found.name) if found.kind == "class" else found


def _hint(shell: Shell, name: str) -> str:
    names = [*shell.documentation.names, *(one.name for one in registry.commands())]
    last = re.split("[.:]", name)[-1].lower()
    close = [one for one in names if re.split("[.:]", one)[-1].lower() == last][:4]
    close = close or difflib.get_close_matches(name, names, 3, 0.6)
    return f"did you mean {' or '.join(close)}?" if close else ".help lists the commands; Tab completes names"
