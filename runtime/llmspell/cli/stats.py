"""``llmspell stats``: what the log of requests says of each model, in figures."""

from __future__ import annotations

import sys

from llmspell.agents.history.figures import PERCENTILES, Figures, Spread, figures
from llmspell.cli.context import Context
from llmspell.cli.logs import chosen
from llmspell.cli.output import as_json, table

WIDTH = 32
"""Characters of a model's name that are shown."""
HEAD = ("MODEL", "REQUESTS", "ERRORS", "INPUT", "OUTPUT", "COST $", "FIRST TOKEN MS", "TOTAL MS", "TOKENS/S")


def stats(context: Context) -> int:
    """Requests, errors, tokens, cost and times of each model."""
    found = figures(chosen(context))
    if context.given("json"):
        print(as_json(found))
        return 0
    if not found:
        print("no request is in the log", file=sys.stderr)
        return 0
    print(table(HEAD, [_row(one) for one in found]))
    print(f"\ntimes: {', '.join(f'{percent} %' for percent in PERCENTILES)} of the answers came within")
    for one in found:
        for note in _notes(one):
            print(f"{one.model}: {note}")
    return 0


def _row(one: Figures) -> tuple[object, ...]:
    name = one.model if len(one.model) <= WIDTH else f"{one.model[: WIDTH - 1]}…"
    cost = None if one.cost is None else f"{one.cost:.4g}{'+' if one.cost_unknown else ''}"
    numbers = (one.requests, one.errors or None, one.input_tokens, one.output_tokens)
    return (name, *numbers, cost, _times(one.first_token_ms), _times(one.total_ms), one.tokens_per_second)


def _times(spread: Spread | None) -> str | None:
    return None if spread is None else " / ".join(f"{value:,.0f}" for value in (spread.p50, spread.p90, spread.p99))


def _notes(one: Figures) -> list[str]:
    notes = []
    if one.errors:
        notes.append(f"errors: {', '.join(f'{count} {kind}' for kind, count in one.error_types.items())}")
    if one.retried:
        notes.append(f"{one.retried} took more than one attempt")
    if one.from_cache:
        notes.append(f"{one.from_cache} came out of the cache")
    if one.cost_unknown:
        notes.append(f"nobody knows the cost of {one.cost_unknown}")
    return notes
