"""One attempt of a request, as it is told when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmspell.errors import LLMSpellError


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request as one model of one provider got it.

    ``provider`` is None where none was found for the model. ``error`` is None for the attempt that gave the answer.
    ``ms`` is how long it took, ``waited_ms`` how long it waited to begin: after the one before, and for its turn.
    """

    provider: str | None
    model: str
    error: LLMSpellError | None
    ms: float
    waited_ms: float

    def plain(self) -> dict[str, Any]:
        """The attempt as plain values: what scripts and logs see of it."""
        return {
            "provider": self.provider,
            "model": self.model,
            "error": None if self.error is None else {"type": self.error.type, "message": self.error.message},
            "ms": round(self.ms, 1),
            "waited_ms": round(self.waited_ms, 1),
        }
