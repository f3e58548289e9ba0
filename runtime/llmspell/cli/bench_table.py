"""What ``llmspell bench`` finds out about a model, and how that stands beside the targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llmspell.cli.output import size

ANSWER_TOKENS: Final = 64
"""The most that an answer may have whose pace is taken."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model could not be measured to the end: ``at`` which figure, and the error as scripts see it."""

    at: str
    type: str
    message: str
    hint: str | None
    exit_code: int


@dataclass(slots=True)
class Measured:
    """The figures of one model. None: not measured, or unknown to its provider.

    ``cold_start_seconds`` counts from the start of the process to the first token, ``tokens_per_second`` after the
    first token; ``agents_tokens_per_second`` is the sum of what ``agents`` wrote, by the time from the first question
    to the last answer. ``peak_memory_bytes`` is that of llmspell's process and its children.
    """

    model: str
    agents: int
    provider: str | None = None
    engine: str | None = None
    parameter_count: str | None = None
    quantization: str | None = None
    size_bytes: int | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    load_seconds: float | None = None
    cold_start_seconds: float | None = None
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    agents_tokens_per_second: float | None = None
    second_turn_first_token_seconds: float | None = None
    second_turn_prompt_tokens: int | None = None
    second_turn_cached_tokens: int | None = None
    peak_memory_bytes: int | None = None
    error: Failure | None = None


ROWS: Final = (
    ("model", "", "about"),
    ("engine", "", "engine"),
    ("load", "≤ 5 s", "load_seconds"),
    ("cold start", "≤ 10 s", "cold_start_seconds"),
    ("first token", "≤ 200 ms", "first_token_seconds"),
    ("one stream", "≥ 20 tokens/s", "tokens_per_second"),
    ("{} at once, in all", "", "agents_tokens_per_second"),
    ("second turn, first token", "", "second_turn_first_token_seconds"),
    ("  of its prompt cached", "", "cached"),
    ("peak memory", "≤ 5 GB", "peak_memory_bytes"),
)
"""Title, target, and the field of `Measured` or one of the texts made of several."""


def title(figure: str, agents: int) -> str:
    """What a figure is called in the table."""
    found = next(name for name, _, field in ROWS if field == figure)
    return found.format(f"{agents} agent{'' if agents == 1 else 's'}").strip()


def rows(measured: Sequence[Measured]) -> list[tuple[str | None, ...]]:
    """The table: title, target, and a cell for each model. The figure at which one failed says so."""
    agents = measured[0].agents
    return [
        (name if name.startswith(" ") else title(field, agents), target, *(_cell(one, field) for one in measured))
        for name, target, field in ROWS
    ]


def headings(measured: Sequence[Measured]) -> list[str]:
    """The models' names; files without their folders, where that tells them apart."""
    short = [os.path.basename(one.model) if one.model.endswith(".gguf") else one.model for one in measured]
    full = [one.model for one in measured]
    return short if len(set(short)) == len(set(full)) else full


def footnote(measured: Sequence[Measured]) -> str:
    """What the figures were taken with."""
    prompts = sorted({one.prompt_tokens for one in measured if one.prompt_tokens})
    of = f" of {' or '.join(map(str, prompts))} tokens" if prompts else ""
    return (
        "The targets are for a model of 7 billion parameters at Q4_K_M. Greedy answers of up to "
        f"{ANSWER_TOKENS} tokens to fixed\nprompts{of}; each model in a fresh process. The peak is that of llmspell's "
        "processes, without a server's."
    )


def _cell(one: Measured, field: str) -> str | None:
    if one.error is not None and one.error.at == field:
        return one.error.type.replace("_", " ")
    if field == "about":
        return ", ".join(filter(None, (one.parameter_count, one.quantization, size(one.size_bytes)))) or None
    if field == "cached":
        if not one.second_turn_prompt_tokens:
            return None
        return f"{one.second_turn_cached_tokens} of {one.second_turn_prompt_tokens} tokens"
    value = getattr(one, field)
    if value is None or isinstance(value, str):
        return value
    if field.endswith("_bytes"):
        return size(value)
    if field.endswith("tokens_per_second"):
        return f"{value:.1f} tokens/s"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"
