"""From the words of a command line to a verb and its arguments.

Options may stand before and after the verb. What comes after the file of ``run`` belongs to the script.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from llmspell.cli.grammar import ALONE, EVERYWHERE, GROUPS, OPTIONS, Option, Verb, first_words, options_of, verbs_of
from llmspell.errors import UsageError

HELP = ("-h", "--help")


class Parser(ArgumentParser):
    """argparse whose complaints are errors of llmspell."""

    def error(self, message: str) -> NoReturn:
        words = message.removeprefix("the following arguments are required: ")
        said = message if words == message else f"`{self.prog}` needs {words}"
        raise UsageError(said, hint=f"`{self.prog} --help` says what it takes")


class Request(NamedTuple):
    """What the user asked for: a verb, or help about ``topic``, or the version."""

    verb: Verb | None
    arguments: Namespace
    topic: tuple[str, ...] | None = None
    version: bool = False


def parse(words: Sequence[str], foreign: Callable[[], Iterable[str]]) -> Request:
    """Read a command line. ``foreign`` gives the verbs of plugins; asked only for a word that we don't know.

    Raises:
        UsageError: it makes no sense; the message says what does.
    """
    flags, rest = split(words, OPTIONS)
    if not rest:
        if any(flag in ("--version", "-V") for flag in flags):
            return Request(None, Namespace(), version=True)
        if any(flag in HELP for flag in flags):
            return Request(None, Namespace(), topic=())
        return _of_verb(verbs_of("repl")[0], flags, [])
    first, after = rest[0], list(rest[1:])
    if first in GROUPS:
        return _in_group(first, flags, after, foreign)
    verb = next(iter(verbs_of(first)), None)
    if verb is None:
        if is_script(first):
            verb, after = verbs_of("run")[0], list(rest)
        elif first in (others := list(foreign())):
            return Request(Verb((first,), "", ""), Namespace(words=[*flags, *after]))
        else:
            raise _unknown(first, [*first_words(), *others, "--version"])
    return _of_verb(verb, flags, after)


def split(words: Sequence[str], options: Iterable[Option]) -> tuple[list[str], list[str]]:
    """Cut a command line at its first word that is neither a flag nor a flag's value; a ``--`` there is dropped."""
    takes_value = {name for option in options if option.metavar for name in option.names}
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return list(words[:at]), list(words[at + 1 :])
        if not _looks_like_flag(word):
            break
        short = next((f"-{letter}" for letter in word[1:] if f"-{letter}" in takes_value), "")
        waits = word in takes_value if word.startswith("--") else bool(short) and word.endswith(short[1])
        at += 2 if waits else 1
    return list(words[:at]), list(words[at:])


def _sift(words: list[str], options: Iterable[Option]) -> tuple[list[str], list[str]]:
    """Part flags from other words; what follows a ``--`` is no flag."""
    flags: list[str] = []
    others: list[str] = []
    while words:
        found, rest = split(words, options)
        flags += found
        if words[len(found) : len(found) + 1] == ["--"]:
            return flags, others + rest
        others += rest[:1]
        words = rest[1:]
    return flags, others


def _looks_like_flag(word: str) -> bool:
    """Lua code may begin with two dashes too, but a flag has no white space in its name."""
    return len(word) > 1 and word[0] == "-" and not any(map(str.isspace, word.partition("=")[0]))


def is_script(word: str) -> bool:
    """Whether a first word that is no verb is the file of a program, as ``#!/usr/bin/env llmspell`` gives it."""
    return word.endswith(".lua") or os.sep in word or os.path.isfile(word)


def parser(prog: str, options: Iterable[Option], description: str = "", usage: str | None = None) -> Parser:
    """An argparse parser with the given options; an option that isn't given leaves no trace."""
    made = Parser(
        prog=prog,
        description=description,
        usage=usage,
        allow_abbrev=False,
        argument_default=SUPPRESS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    for option in options:
        if option.metavar is None:
            made.add_argument(*option.names, dest=option.dest, action="store_true", help=option.help)
        else:
            action = "append" if option.repeated else "store"
            made.add_argument(
                *option.names,
                dest=option.dest,
                action=action,
                metavar=option.metavar,
                type=option.read,
                help=option.help,
            )
    return made


def parser_of(verb: Verb) -> Parser:
    """The parser of a verb."""
    made = parser(f"llmspell {verb.name}", options_of(verb), f"{verb.help[0].upper()}{verb.help[1:]}.")
    for argument in verb.arguments:
        count = "*" if verb.program and argument.optional else "?" if argument.optional else None
        shown = argument.name.upper() if not argument.choices else "|".join(argument.choices)
        extra: Mapping[str, object] = {"choices": argument.choices} if argument.choices else {}
        made.add_argument(argument.name, nargs=count, metavar=shown, help=argument.help, **extra)  # type: ignore[arg-type]
    return made


def read(known: Parser, words: Sequence[str]) -> Namespace:
    """Parse, and suggest what an unknown option may have meant."""
    arguments, extra = known.parse_known_args(list(words))
    if extra:
        flag = next((word for word in extra if _looks_like_flag(word)), None)
        if flag is None:
            if known.prog.endswith(" keys set"):  # it may be a key, which no message repeats
                raise UsageError(
                    "no key is taken from the command line, where others can see it",
                    hint=f"`{known.prog} NAME` asks for it, or reads it from stdin",
                )
            known.error(f"'{extra[0]}' is one word too many")
        flag = flag.partition("=")[0]
        names = [name for option in OPTIONS for name in option.names]
        mine = [name for name in names if name in known.format_help()]
        near = nearest(flag, mine)
        where = "" if flag not in names else f" for `{known.prog}`"
        raise UsageError(
            f"there is no option '{flag}'{where}",
            hint=f"did you mean '{near}'?" if near else f"`{known.prog} --help` lists the options",
        )
    return arguments


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was likely meant."""
    from difflib import get_close_matches  # only a slip needs it

    near = get_close_matches(word, list(known), 1, 0.6)
    return near[0] if near else None


def _in_group(group: str, flags: list[str], after: list[str], foreign: Callable[[], Iterable[str]]) -> Request:
    more, rest = split(after, OPTIONS)
    flags = [*flags, *more]
    names = [verb.words[1] for verb in verbs_of(group)]
    if not rest:
        if any(flag in HELP for flag in flags):
            return Request(None, Namespace(), topic=(group,))
        if group in ALONE:
            return _of_verb(next(verb for verb in verbs_of(group) if verb.words[1] == ALONE[group]), flags, [])
        raise UsageError(f"`llmspell {group}` needs one of: {', '.join(names)}", hint=f"`llmspell help {group}`")
    verb = next((verb for verb in verbs_of(group) if verb.words[1] == rest[0]), None)
    if verb is None:
        others = [name.partition(" ")[2] for name in foreign() if name.startswith(f"{group} ")]
        if rest[0] in others:
            return Request(Verb((group, rest[0]), "", ""), Namespace(words=[*flags, *rest[1:]]))
        names += others
        near = nearest(rest[0], names)
        raise UsageError(
            f"`llmspell {group}` has no verb '{rest[0]}'",
            hint=f"did you mean `llmspell {group} {near}`?" if near else f"it has: {', '.join(names)}",
        )
    return _of_verb(verb, flags, rest[1:])


def _of_verb(verb: Verb, flags: list[str], after: list[str]) -> Request:
    known = parser_of(verb)
    options = options_of(verb)
    flags = _in_full(flags, verb)
    if not verb.program:
        words = [*flags, *after]
        if any(word in HELP for word in words):
            return Request(None, Namespace(), topic=verb.words)
        return Request(verb, read(known, words))
    more, rest = split(after, options)
    if verb.greedy and rest:
        later, words = _sift(rest[1:], options)
        more, rest = [*more, *later], [rest[0], *words]
    elif rest[1:2] == ["--"]:  # `run FILE -- args`, as other runners of scripts want it
        del rest[1]
    words = [*flags, *more]
    if any(word in HELP for word in words):
        return Request(None, Namespace(), topic=verb.words)
    own, *others = verb.arguments
    arguments = read(known, words if own.optional else ["stand-in", *words])
    if not rest and not own.optional:
        known.error(f"`llmspell {verb.name}` needs {own.name.upper()}: {own.help}")
    setattr(arguments, own.name, rest[0] if others else rest)
    for other in others:
        setattr(arguments, other.name, rest[1:])
    return Request(verb, arguments)


def _in_full(flags: list[str], verb: Verb) -> list[str]:
    """The flags before a verb; those of all verbs in the long name where the verb has taken the short one."""
    own = {name for option in verb.options for name in option.names}
    hidden = {option.names[0]: option.name for option in EVERYWHERE if option.name not in own}
    return [hidden[flag] if flag in own and flag in hidden else flag for flag in flags]


def _unknown(word: str, known: list[str]) -> UsageError:
    near = nearest(word, known)
    if near:
        hint = f"did you mean `llmspell {near}`?"
    else:
        hint = "`llmspell --help` lists the verbs; a program is run by `llmspell FILE.lua`"
    return UsageError(f"llmspell has no verb '{word}'", hint=hint)
