"""What a server was found to refuse, and can be asked without.

Servers that call themselves compatible are of many ages, and some pass requests on to others: whether one takes
``stream_options``, and by which name the limit of an answer, shows when it refuses a request. It is asked once more,
and from then on in the way that it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell.errors import LLMSpellError, UnsupportedOption

_LIMITS: Final = ("max_tokens", "max_completion_tokens")


class Habits:
    """What one server refuses; nothing at first."""

    def __init__(self) -> None:
        self._without: set[str] = set()

    def learned(self, error: LLMSpellError, fields: Mapping[str, Any]) -> bool:
        """Learn from the refusal of a request with these fields; whether it can be sent in another way now."""
        if not isinstance(error, UnsupportedOption):
            return False
        if error.option == "stream_options" and "stream_options" in fields:
            self._without.add("stream_options")
            return True
        sent = next((name for name in _LIMITS if name in fields), None)
        if error.option != "max_tokens" or sent is None or not self._without.isdisjoint(_LIMITS):
            return False
        self._without.add(sent)
        return True

    def applied(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields as the server takes them."""
        if "stream_options" in self._without:
            fields.pop("stream_options", None)
        for name, other in (_LIMITS, _LIMITS[::-1]):
            if name in self._without and name in fields:
                fields[other] = fields.pop(name)
        return fields
