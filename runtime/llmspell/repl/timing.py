"""How long inputs take, and how many tokens models read and write in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

Tokens = tuple[int, int]


def usage(shell: Shell) -> Tokens:
    """The tokens that models have read and written in this session."""
    if not shell.session.has_hub:
        return 0, 0
    so_far = shell.session.hub.ledger.totals.usage
    return so_far.input_tokens, so_far.output_tokens


def took(ms: float, before: Tokens = (0, 0), after: Tokens = (0, 0)) -> str:
    """A time in words, and what was read and written in it, where there is any."""
    shown = f"{ms:.3g} ms" if ms < 999.5 else f"{ms / 1000:.2f} s"
    read, written = after[0] - before[0], after[1] - before[1]
    if not read and not written:
        return shown
    return f"{shown}, {read:,} tokens in, {written:,} out ({1000 * written / max(ms, 1e-3):.1f} a second)"
