"""Commands after a dot at the start of an input, and what follows each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from llmspell.repl import registry
from llmspell.repl.completion import paths
from llmspell.repl.completion.candidates import Candidate, Offer, beginning
from llmspell.repl.completion.known import Known
from llmspell.repl.tokens import KEYWORDS

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


class Commands:
    """Completes the line of a command; ``lua`` completes what is Lua in it."""

    def __init__(self, shell: Shell, known: Known, lua: Callable[[str], Offer]) -> None:
        self._shell, self._known, self._lua = shell, known, lua

    def offer(self, line: str) -> Offer:
        """What may follow the beginning of a line that is a command."""
        name, space, words = line.partition(" ")
        if not space:
            shown = (one for one in registry.commands() if one.shown(self._shell))
            return Offer(name, (Candidate(one.name, one.help) for one in shown if one.name.startswith(name)))
        found = registry.find(name)
        words = words.lstrip(" ")
        if found is None or not found.shown(self._shell):
            return Offer(words, ())
        if found.takes == "lua":
            return self._lua(words)
        if found.takes == "name":
            return self._names(words)
        if found.takes == "file":
            return Offer(words, paths.files(words, home=True))
        if found.takes == "setting":
            return self._setting(words)
        return Offer(words, self._words(found.takes, words))

    def _words(self, takes: str, begun: str) -> Iterator[Candidate]:
        if takes == "command":
            yield from beginning(begun, (one.name for one in registry.commands()), "command")
        else:
            yield from (one for one in self._known(takes) if one.text.startswith(begun))

    def _setting(self, words: str) -> Offer:
        """An option, and after it the values that it can have."""
        from llmspell.repl.option_table import completions, options

        name, space, value = words.partition(" ")
        if space:
            return Offer(value, beginning(value, completions(name)))
        known = options()
        names = (one for one in completions() if one.startswith(name))
        return Offer(name, (Candidate(one, known[one].key.description) for one in names))

    def _names(self, words: str) -> Offer:
        """What `.help` explains."""
        if words.startswith("."):
            return Offer(words, self._words("command", words))
        offer = self._lua(words)
        return Offer(offer.begun, (one for one in offer.candidates if one.text not in KEYWORDS))
