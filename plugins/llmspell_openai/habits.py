"""What a server was found to refuse, and can be asked without.

Servers that call themselves compatible are of many ages, and some pass requests on to others: whether one takes
``stream_options``, and by which name the limit of an answer, shows when it refuses a request. It is asked once more,
and from then on in the way that it takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from llmspell.errors import InvalidRequest, LLMSpellError, UnsupportedOption

_LIMITS: Final = ("max_tokens", "max_completion_tokens")


class Habits:
    """What one server refuses; nothing at first."""

    def __init__(self) -> None:
        self._without: set[str] = set()

    def learned(self, error: LLMSpellError, fields: Mapping[str, Any]) -> bool:
        """Learn from the refusal of a request with these fields; whether it can be sent in another way now."""
        if not isinstance(error, (InvalidRequest, UnsupportedOption)):
            return False
        for name in ("stream_options", *_LIMITS):
            refused = re.search(rf"\b{name}\b", error.message) is not None
            # who refuses one name of the limit may name the other one as what it takes
            other = next((one for one in _LIMITS if name in _LIMITS and one != name), None)
            if name in fields and refused and name not in self._without and other not in self._without:
                self._without.add(name)
                return True
        return False

    def applied(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields as the server takes them."""
        if "stream_options" in self._without:
            fields.pop("stream_options", None)
        for name, other in (_LIMITS, _LIMITS[::-1]):
            if name in self._without and name in fields:
                fields[other] = fields.pop(name)
        return fields
