"""What a model thinks: the fields in which servers send it, and what of it some want back.

``reasoning_content`` is DeepSeek's, and llama-server's; ``reasoning`` OpenRouter's, Groq's and vLLM's.
``reasoning_details`` are OpenRouter's: https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_TEXTS: Final = ("reasoning_content", "reasoning")
_DETAILS: Final = "reasoning_details"
_PIECES: Final = {"reasoning.text": "text", "reasoning.summary": "summary"}
"""The kinds of details that come in pieces, and the field that has the piece."""


class Thinking:
    """What one answer's model thought. ``returned`` names the fields that the server wants back."""

    def __init__(self, returned: Sequence[str]) -> None:
        self._returned = returned
        self._text: list[str] = []
        self._details: list[dict[str, Any]] = []

    def add(self, delta: Mapping[str, Any]) -> str:
        """Take one event; gives the piece of text in it."""
        said = [delta[name] for name in _TEXTS if isinstance(delta.get(name), str)]
        text = next(filter(None, said), "")
        details = delta.get(_DETAILS)
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, Mapping):
                self._add(detail)
                if not said:
                    text += _text(detail)
        if text:
            self._text.append(text)
        return text

    def data(self) -> dict[str, Any]:
        """What goes back with the answer, by the server's own names."""
        data: dict[str, Any] = {}
        if _DETAILS in self._returned and self._details:
            data[_DETAILS] = self._details
        if "reasoning_content" in self._returned and self._text:
            data["reasoning_content"] = "".join(self._text)
        return data

    def _add(self, detail: Mapping[str, Any]) -> None:
        piece = _PIECES.get(str(detail.get("type")))
        last = self._details[-1] if self._details else {}
        same = all(last.get(name) == detail.get(name) for name in ("type", "index"))
        if piece is None or not same or last.get("signature"):
            self._details.append(dict(detail))
            return
        text = f"{last.get(piece) or ''}{detail.get(piece) or ''}"
        last.update({name: value for name, value in detail.items() if value is not None})
        last[piece] = text


def _text(detail: Mapping[str, Any]) -> str:
    text = detail.get(_PIECES.get(str(detail.get("type")), ""))
    return text if isinstance(text, str) else ""
