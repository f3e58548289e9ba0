"""The options of a request: llmspell's names become Ollama's, and what would load the model again is refused.

Ollama ignores an option that it doesn't know, and reloads a model whenever one of those changes that hold for as long
as it is loaded. Names and types: https://github.com/ollama/ollama, api/types.go, Options and Runner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell.errors import ConfigError, InvalidRequest, UnsupportedOption
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_options, describe, nearest_option
from llmspell_ollama.settings import keep_alive as check_keep_alive

THINK: Final = ("low", "medium", "high", "max")
"""What ``think`` may be beside true and false."""

_NAMES: Final[Mapping[str, str]] = {"max_tokens": "num_predict"}
"""llmspell's name -> Ollama's, where they differ."""
_OWN: Final[Mapping[str, type]] = {"typical_p": float, "repeat_last_n": int, "num_keep": int}
"""Ollama's sampling options that llmspell has no name for."""
_WHILE_LOADED: Final = ("num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict", "shift")
_SEEDS: Final = 2**31 - 1
"""How many seeds there are; the server takes -1 for a random one."""


@dataclass(frozen=True, slots=True)
class Options:
    """``sampling`` is the request's ``options`` in Ollama's words; ``think`` and ``keep_alive`` are fields of it."""

    sampling: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    keep_alive: float | str | None = None


def read(given: Mapping[str, Any]) -> Options:
    """Check the options of a request.

    Raises:
        UnsupportedOption: Ollama has no such option, or takes it only while it loads the model.
        InvalidRequest: a value of the wrong type or out of range.
    """
    given = check_options(given)
    think, keep = given.pop("think", None), given.pop("keep_alive", None)
    if not isinstance(think, bool) and think not in (None, *THINK):
        raise InvalidRequest(f"think must be true, false, low, medium, high or max, not {describe(think)}")
    if keep is not None:
        try:
            keep = check_keep_alive(keep)
        except ConfigError as error:
            raise InvalidRequest(f"keep_alive is {describe(keep)}", hint=error.hint) from None
    sampling = {}
    for name, value in given.items():
        if name in OPTIONS:
            sampling[_NAMES.get(name, name)] = value
        elif name in _OWN:
            sampling[name] = _number(name, value)
        else:
            raise UnsupportedOption(name, "ollama", hint=_hint(name))
    if "seed" in sampling:
        sampling["seed"] %= _SEEDS
    return Options(sampling, think, keep)


def _number(name: str, value: Any) -> Any:
    whole = _OWN[name] is int
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or (whole and value != int(value)):
        raise InvalidRequest(f"{name} must be {'a whole number' if whole else 'a number'}, not {describe(value)}")
    return int(value) if whole else value


def _hint(name: str) -> str:
    if name == "num_ctx":
        return "set [providers.ollama] context_length: a model is loaded again whenever it changes"
    if name in _WHILE_LOADED:
        return "a model is loaded again whenever it changes; where a Modelfile can say it, put it there as a PARAMETER"
    if name == "num_predict":
        return "llmspell calls it max_tokens"
    near = nearest_option(name, *_OWN, "think", "keep_alive")
    return (
        f"did you mean '{near}'?" if near else f"it knows {', '.join(sorted((*OPTIONS, *_OWN, 'think', 'keep_alive')))}"
    )
