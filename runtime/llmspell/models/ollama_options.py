"""What Ollama's models say about sampling, by llmspell's names.

What llmspell has no word for (``num_ctx``, ``mirostat``, …) and what has an impossible value is left out: it was not
the caller who asked for it. Names and meaning: ollama/ollama, docs/modelfile.md, PARAMETER.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

_NUMBERS: Final[dict[str, tuple[str, type[int] | type[float], float, float]]] = {
    "temperature": ("temperature", float, 0, 5),
    "top_p": ("top_p", float, 0, 1),
    "top_k": ("top_k", int, 0, 2**31 - 1),
    "min_p": ("min_p", float, 0, 1),
    "repeat_penalty": ("repeat_penalty", float, 0, 10),
    "presence_penalty": ("presence_penalty", float, -2, 2),
    "frequency_penalty": ("frequency_penalty", float, -2, 2),
    "seed": ("seed", int, 0, 2**63 - 1),  # -1: a random one, as without it
    "num_predict": ("max_tokens", int, 1, 2**31 - 1),  # -1: no limit, as without it
}
"""Name there -> name here, type, least and greatest value."""


def options(params: Sequence[str]) -> dict[str, Any]:
    """The options of ``params`` layers, JSON objects of which a later one wins.

    Raises:
        ValueError: one is no JSON object.
    """
    found: dict[str, Any] = {}
    for text in params:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("its options are no JSON object")
        for name, value in values.items():
            if name in _NUMBERS and _is_number(value):
                ours, kind, least, most = _NUMBERS[name]
                if least <= value <= most and kind(value) == value:
                    found[ours] = kind(value)
            elif name == "stop":
                texts = [value] if isinstance(value, str) else value
                if isinstance(texts, list) and texts and all(isinstance(one, str) and one for one in texts):
                    found["stop"] = tuple(texts)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
