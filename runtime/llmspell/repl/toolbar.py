"""The line at the foot of the terminal: what the function at the cursor takes, or else how things are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from llmspell.repl.highlight import harmless

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell
    from llmspell.repl.signatures import Signature
    from llmspell.repl.state import State

PLAIN: Final = "noreverse"
STRONG: Final = "noreverse bold"
WARNING: Final = "noreverse bold ansiyellow"
_BETWEEN: Final = "  "
SWITCH: Final = "F3"
"""The key between Lua and chatting."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the line. Where there is no room the one with the highest ``rank`` goes first; ``short`` is said in
    place of ``text`` before anything is left out."""

    text: str
    rank: int
    style: str = PLAIN
    short: str | None = None


def toolbar(shell: Shell) -> StyleAndTextTuples:
    """What the prompt shows at its foot. Called with each key; asks nobody."""
    from prompt_toolkit.application import get_app

    try:
        document = get_app().current_buffer.document
        if signature := shell.signatures.at(document.text, document.cursor_position):
            return of_signature(signature, shell.width)
        parts = parts_of(shell.watch.state, shell.console.tasks, shell.mode, shell.paused)
        return fitted(parts, shell.width)
    except Exception:  # noqa: BLE001 - whatever fails here, the prompt is there
        return []


def parts_of(state: State, tasks: int, mode: str, paused: str | None) -> list[Part]:
    """What there is to show, from left to right."""
    parts = []
    if paused:
        place = harmless(paused)
        parts.append(Part(f"paused at {place}", 0, WARNING, f"paused {place}"))
    parts.append(Part(harmless(state.model), 1, STRONG, harmless(state.model.rpartition("/")[2])))
    if state.backend and not state.model.startswith(f"{state.backend}/"):
        parts.append(Part(harmless(state.backend), 6))
    if state.context_used is not None:
        about = "~" if state.estimated else ""
        if state.context_window:
            share = f"{about}{min(999, 100 * state.context_used // state.context_window)}% full"
            parts.append(Part(f"{about}{state.context_used:,} of {state.context_window:,} tokens", 3, short=share))
        else:
            parts.append(Part(f"{about}{state.context_used:,} tokens", 3))
    if state.cost is not None:
        from llmspell.providers.spending.budget import dollars  # imported already where something had a price

        parts.append(Part(dollars(state.cost), 4))
    if tasks:
        parts.append(Part(f"{tasks} task{'s' * (tasks != 1)} running", 2, short=f"{tasks} running"))
    if not paused:
        parts.append(Part(f"{SWITCH}: {'chat' if mode == 'lua' else 'Lua'}", 7))
    return parts


def fitted(parts: list[Part], width: int) -> StyleAndTextTuples:
    """The line, with as much of it as has room."""
    room = width - 1  # a full row makes some terminals begin another one
    by_rank = sorted(parts, key=lambda part: -part.rank)
    shown = {part: part.text for part in parts}
    for part in by_rank:
        if part.short is not None and _length(shown) > room:
            shown[part] = part.short
    for part in by_rank[:-1]:
        if _length(shown) > room:
            del shown[part]
    line: StyleAndTextTuples = []
    for part, text in shown.items():
        line += [(PLAIN, _BETWEEN)] if line else []
        line.append((part.style, _cut(text, room)))
    return line


def of_signature(signature: Signature, width: int) -> StyleAndTextTuples:
    """What a function takes, the parameter at the cursor standing out, and what it does as far as there is room."""
    room = width - 1
    line: StyleAndTextTuples = []
    before, active, after = signature.parts()
    too_much = get_cwidth(before + active) + 1 - room
    if too_much > 0:  # the parameter is what matters
        before = f"…{before[too_much + 1 :]}"
    doc = f"{_BETWEEN}{signature.doc}" if signature.doc else ""
    for style, text in ((PLAIN, before), (STRONG, active), (PLAIN, after), (PLAIN, doc)):
        shown = _cut(text, room)
        room -= get_cwidth(shown)
        if shown:
            line.append((style, shown))
        if shown != text:
            break
    return line


def _length(shown: dict[Part, str]) -> int:
    return sum(map(get_cwidth, shown.values())) + len(_BETWEEN) * (len(shown) - 1)


def _cut(text: str, room: int) -> str:
    """The start of a text that fits, with an ellipsis where something is left out."""
    if get_cwidth(text) <= room:
        return text
    kept = ""
    for character in text:
        if get_cwidth(kept + character) > room - 1:
            break
        kept += character
    return f"{kept}…" if room > 0 else ""
