"""The options of `.set`: how the REPL behaves, and what the agent of the chat is asked with.

One table, that the command, completion and the documentation share. Types, defaults and meanings are those of the keys
of llmspell.toml, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from msgspec import Meta

from llmspell.config.checking import check_value, suggestion
from llmspell.config.environment import content_of
from llmspell.config.schema import Key, Repl, keys, plain
from llmspell.errors import ConfigError, UsageError

_SWITCHES: Final = {"on": "true", "off": "false", "yes": "true", "no": "false"}
_ONLY_AT_THE_START: Final = {"mode": "`.chat` and `.lua` change the mode"}
_OF_AGENTS: Final = {
    "system": "agent.system_prompt",
    "temperature": "agent.temperature",
    "max_tokens": "agent.max_tokens",
    "timeout": "agent.timeout",
    "fallback": "agent.fallback",
    "context": "agent.context",
    "max_cost": "agent.max_cost",
    "max_rounds": "tools.max_rounds",
}
_ALSO: Final = (
    Key("tools", list[str], [], "the tools that the model may call, with commas between them"),
    Key("skills", list[str], [], "the skills that the agent may use, with commas between them"),
    Key(
        "top_p",
        Annotated[float, Meta(gt=0, le=1)] | None,
        None,
        "the share of likeliest tokens that the model chooses among",
    ),
    Key("seed", int | None, None, "the number that the model's choices begin from; the same one gives the same answer"),
)
"""What agents take and llmspell.toml doesn't."""


@dataclass(frozen=True, slots=True)
class Option:
    """``field`` is the agent's field that it sets; None where the option is one of the REPL itself."""

    name: str
    key: Key
    field: str | None = None

    @property
    def values(self) -> list[str]:
        """What it can be, where that is a choice."""
        kind = plain(self.key.type)
        if kind is bool:
            return ["true", "false"]
        return [str(value) for value in get_args(kind)] if get_origin(kind) is Literal else []

    def read(self, text: str) -> Any:
        """The value that a user has written.

        Raises:
            UsageError: it isn't what the option takes.
        """
        if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
            text = text[1:-1]
        if plain(self.key.type) is bool:
            text = _SWITCHES.get(text.lower(), text)
        try:
            content = content_of(self.key, self.name, text)
            return check_value(self.key, (self.name,), content, lambda: self.name, "", ".").content
        except ConfigError as error:
            raise UsageError(error.message, hint=self.key.description) from None


@lru_cache(1)
def options() -> Mapping[str, Option]:
    """Every option by name: those of the REPL, then those of the chat."""
    known = keys()
    own = [name for name in Repl.__struct_fields__ if name not in _ONLY_AT_THE_START]
    found = [Option(name, known[f"repl.{name}"]) for name in own]
    found += [Option(name, known[key], key.rpartition(".")[2]) for name, key in _OF_AGENTS.items()]
    found += [Option(key.name, key, key.name) for key in _ALSO]
    return {option.name: option for option in found}


def find(name: str) -> Option:
    """The option of a name.

    Raises:
        UsageError: there is none; says which was meant.
    """
    found = options().get(name)
    if found is None:
        raise UsageError(
            f"there is no option '{name}'", hint=_ONLY_AT_THE_START.get(name) or suggestion(name, options())
        )
    return found


def completions(name: str | None = None) -> list[str]:
    """The names of all options, or the values of one."""
    if name is None:
        return list(options())
    option = options().get(name)
    return option.values if option is not None else []
