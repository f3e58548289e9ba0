"""The completer of the prompt. It runs in a thread of its own, waits for nobody, and shows nothing where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from llmspell.lua.reference import Entry
from llmspell.repl.completion import paths, texts
from llmspell.repl.completion.candidates import Candidate, Offer, beginning
from llmspell.repl.completion.commands import Commands
from llmspell.repl.completion.context import Context
from llmspell.repl.completion.known import Known
from llmspell.repl.completion.scanning import context
from llmspell.repl.completion.values import Values
from llmspell.repl.summaries import printable, summary
from llmspell.repl.tokens import KEYWORDS

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

MOST_OFFERED: Final = 300
_WIDEST_META: Final = 72
Source = Callable[[], Iterable[Candidate]]


class ReplCompleter(Completer):
    """Completes commands everywhere, and Lua where Lua is typed."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._known = Known(shell)
        self._values = Values(shell.console, shell.documentation)
        self._commands = Commands(shell, self._known, lambda text: self._lua(text, typing=False))

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What may stand in place of the word that was begun, each once."""
        try:
            offer = self._offer(document.text_before_cursor, typing=complete_event.text_inserted)
            found = list(islice(_each_once(offer.candidates), MOST_OFFERED))
        except Exception:  # noqa: BLE001 - a menu that doesn't come is no reason to disturb who types
            return
        if complete_event.text_inserted and [one.text for one in found] == [offer.begun]:
            return
        for text, meta in found:
            if text.isprintable():
                shown = meta if len(meta) <= _WIDEST_META else f"{meta[: _WIDEST_META - 1]}…"
                yield Completion(text, start_position=-len(offer.begun), display_meta=printable(shown))

    def _offer(self, before: str, *, typing: bool) -> Offer:
        """``typing`` says that a menu would come up without being asked for."""
        line = before.lstrip()
        if line.startswith(".") and line[1:2] != "." and "\n" not in line and not line[1:2].isdigit():
            return self._commands.offer(line)
        if self._shell.mode == "chat" and not self._shell.paused:
            return Offer("", ())
        return self._lua(before, typing=typing)

    # ── Lua ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _lua(self, before: str, *, typing: bool) -> Offer:
        place = context(before)
        called = self._learn(place)
        if place.text is not None:
            return Offer(place.text, self._in_text(place, called))
        if not place.in_words:
            return Offer("", ())
        if place.mark:
            if place.chain is None:
                return Offer("", ())
            chain, mark = place.chain, place.mark
            return Offer(place.prefix, _each(lambda: self._values.fields(chain, mark, place.prefix)))
        if (typing and not place.prefix) or place.previous in ("local", "for", "goto", "::"):
            return Offer("", ())
        return Offer(place.prefix, self._names(place, called))

    def _learn(self, place: Context) -> Entry | None:
        """What the call around the cursor takes, also for the toolbar, which can't ask."""
        if place.argument is None:
            return None
        called = None
        with suppress(Exception):
            called = self._values.entry(place.argument.chain)
            self._shell.signatures.learn(place.argument.chain.written, called)
        return called

    def _names(self, place: Context, called: Entry | None) -> Iterator[Candidate]:
        begun = place.prefix
        return _each(
            lambda: self._table_fields(place, called),
            lambda: beginning(begun, (name for name in place.declared if name != begun), "in this input"),
            lambda: self._values.names(begun),
            lambda: beginning(begun, sorted(KEYWORDS), "keyword"),
        )

    def _table_fields(self, place: Context, called: Entry | None) -> Iterator[Candidate]:
        """The fields that the function takes in whose table the cursor is."""
        argument = place.argument
        if called is None or argument is None or argument.table is not place.opened[-1]:
            return
        if place.previous not in ("{", ",", ";") or argument.place >= len(called.params):
            return
        for part in self._shell.documentation.fields_of(called.params[argument.place].type):
            name = part.name.rstrip("?")
            if name.startswith(place.prefix):
                yield Candidate(name, summary(f"{part.type}  {part.text}".strip()))

    def _in_text(self, place: Context, called: Entry | None) -> Iterator[Candidate]:
        begun, top = place.text or "", place.opened[-1]
        if "\\" in begun or place.quote == "[":
            return
        kind, chain = texts.kind_of(place), top.chain
        sources: list[Source] = []
        if top.kind == "index" and chain is not None:
            sources.append(lambda: self._values.fields(chain, "[", begun))
        if kind in ("file", "script"):
            sources.append(lambda: paths.files(begun, ".lua" if kind == "script" else ""))
        elif kind == "module":
            sources.append(lambda: self._modules(begun))
        elif kind is not None:
            sources.append(lambda: (one for one in self._known(kind) if one.text.startswith(begun)))
        if called is not None:
            sources.append(lambda: beginning(begun, texts.choices(place, called, self._shell.documentation)))
        for one in _each(*sources):
            if place.quote not in one.text and "\\" not in one.text:
                yield one

    def _modules(self, begun: str) -> list[Candidate]:
        from llmspell.lua.script import package_path

        return paths.modules(begun, package_path(self._shell.session.folder))


def _each(*sources: Source) -> Iterator[Candidate]:
    """What all sources give; one that fails takes nothing from the others."""
    for source in sources:
        with suppress(Exception):
            yield from source()


def _each_once(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    seen = set()
    for one in candidates:
        if one.text not in seen:
            seen.add(one.text)
            yield one
