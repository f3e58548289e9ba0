"""Completion in the shell: the script that a shell loads, and the answers when it asks."""

from __future__ import annotations

from argparse import Action
from typing import Any, NoReturn

from llmspell.cli.context import Context
from llmspell.cli.grammar import EVERYWHERE, GROUPS, VERBS, first_words, verbs_of
from llmspell.cli.model_names import remembered
from llmspell.cli.parsing import Parser, parser, parser_of
from llmspell.errors import LLMSpellError


def script(context: Context) -> int:
    """Print the script; a shell reads it with ``eval "$(llmspell completions bash)"``."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["llmspell"], shell=context.arguments.shell).strip())
    return 0


def complete() -> NoReturn:
    """Answer the shell, which asks through the environment, and end the process."""
    import argcomplete

    argcomplete.autocomplete(whole_parser(), always_complete_options=False)
    raise SystemExit(0)  # autocomplete has ended the process already


def whole_parser() -> Parser:
    """All verbs as one parser; only completion needs them together."""
    top = parser("llmspell", EVERYWHERE)
    _complete_words(top)
    below = top.add_subparsers(parser_class=_Adopted)
    for first in first_words():
        if first in GROUPS:
            inner = below.add_parser(first, made=parser(f"llmspell {first}", EVERYWHERE)).add_subparsers(
                parser_class=_Adopted
            )
            for verb in verbs_of(first):
                inner.add_parser(verb.words[1], made=_complete_words(parser_of(verb)))
        else:
            below.add_parser(first, made=_complete_words(parser_of(verbs_of(first)[0])))
    return top


class _Adopted(Parser):
    """What argparse makes for a verb: the parser that exists already."""

    def __new__(cls, *, made: Parser, **_: Any) -> Parser:  # type: ignore[misc]
        return made


def _complete_words(known: Parser) -> Parser:
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter

    completers: dict[str, Any] = {
        "model": _models,
        "models": _models,
        "spec": _models,
        "file": FilesCompleter(("lua",)),
        "files": FilesCompleter(),
        "format": FilesCompleter(("json",)),
        "config": FilesCompleter(("toml",)),
        "allow_read": DirectoriesCompleter(),
        "allow_write": DirectoriesCompleter(),
        "section": _keys,
        "skill": _skills,
        "verb": lambda **_: [*GROUPS, *(verb.words[0] for verb in VERBS)],
    }
    for action in known._actions:  # argparse has no public list of them
        if action.dest in completers:
            action.completer = completers[action.dest]  # type: ignore[attr-defined]
    return known


def _models(prefix: str = "", action: Action | None = None, **_: Any) -> list[str]:
    from llmspell.config import load

    try:
        settings = load()
    except LLMSpellError:  # a shell that completes has no place for an error
        return remembered()
    return sorted({*remembered(), *settings.models.aliases, settings.models.default})


def _skills(**_: Any) -> list[str]:
    from llmspell.agents.skills.folders import skill_folders
    from llmspell.agents.skills.library import Library

    return sorted(Library(skill_folders()).skills)


def _keys(**_: Any) -> list[str]:
    from llmspell.config.schema import keys, section_names

    return [*section_names(), *keys()]
