"""``llmspell --help`` and ``llmspell help VERB``."""

from __future__ import annotations

from llmspell.cli.context import Context
from llmspell.cli.grammar import EVERYWHERE, GROUPS, VERBS, Option, verbs_of
from llmspell.cli.parsing import nearest, parser_of
from llmspell.errors import UsageError

HEAD = """\
llmspell runs agent programs written in Lua on any language model, local first.

usage: llmspell [options]                  the REPL; where stdin is no terminal, run the program that it has
       llmspell [options] FILE.lua [args …]
       llmspell [options] VERB …"""


def explain(context: Context) -> int:
    """The verb ``help``."""
    print(text(tuple(context.arguments.verb), context.commands()))
    return 0


def text(topic: tuple[str, ...], commands: dict[str, str] | None = None) -> str:
    """Help about everything, a group or a verb.

    Raises:
        UsageError: there is no such topic.
    """
    if not topic:
        return _everything(commands or {})
    verb = next((verb for verb in VERBS if verb.words == topic), None)
    if verb is not None:
        return parser_of(verb).format_help().rstrip()
    if len(topic) == 1 and topic[0] in GROUPS:
        group = topic[0]
        rows = [(verb.words[1], verb.help) for verb in verbs_of(group)]
        rows += [(name.partition(" ")[2], help) for name, help in _of_plugins(group, commands)]
        return f"usage: llmspell {group} VERB …\n\n{GROUPS[group]}:\n{_rows(rows)}"
    if commands and (name := " ".join(topic)) in commands:
        return f"llmspell {name}: {commands[name]} (`llmspell {name} --help` says more)"
    near = nearest(" ".join(topic), [*GROUPS, *(verb.name for verb in VERBS), *(commands or {})])
    raise UsageError(
        f"there is no verb '{' '.join(topic)}' to explain",
        hint=f"did you mean `llmspell help {near}`?" if near else "`llmspell --help` lists the verbs",
    )


def _everything(commands: dict[str, str]) -> str:
    rows: list[tuple[str, str]] = []
    for verb in VERBS:
        group = verb.words[0]
        if group not in GROUPS:
            shown = " ".join((verb.name, *(argument.name.upper() for argument in verb.arguments[:1])))
            rows.append((shown, verb.help))
        elif verb is verbs_of(group)[0]:
            names = [verb.name for verb in verbs_of(group)] + [name for name, _ in _of_plugins(group, commands)]
            rows.append((f"{group} …", f"{GROUPS[group]}: {', '.join(name.partition(' ')[2] for name in names)}"))
    parts = [HEAD, f"verbs:\n{_rows(rows)}"]
    if alone := sorted((name, help) for name, help in commands.items() if " " not in name):
        parts.append(f"verbs of plugins:\n{_rows(alone)}")
    parts.append(f"options:\n{_rows([_option(option) for option in EVERYWHERE])}")
    parts.append("`llmspell help VERB` explains one. `llmspell doctor` says whether everything is in place.")
    return "\n\n".join(parts)


def _of_plugins(group: str, commands: dict[str, str] | None) -> list[tuple[str, str]]:
    return sorted((name, help) for name, help in (commands or {}).items() if name.startswith(f"{group} "))


def _option(option: Option) -> tuple[str, str]:
    return ", ".join(option.names) + (f" {option.metavar}" if option.metavar else ""), option.help


def _rows(rows: list[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)
