"""What all requests of a run took together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmspell.providers.contract import Usage
from llmspell.providers.spending.budget import dollars


@dataclass(slots=True)
class Totals:
    """Requests that took something, and those that were answered from the cache and took nothing.

    ``cost`` is in USD and without the ``unpriced`` requests, which are counted by model.
    """

    requests: int = 0
    cached: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    unpriced: dict[str, int] = field(default_factory=dict)

    def add(self, model: str, usage: Usage) -> None:
        """Take in a request that was answered, or broken off while it was."""
        self.requests += 1
        self.usage += usage
        if usage.cost is None:
            self.unpriced[model] = self.unpriced.get(model, 0) + 1
        else:
            self.cost += usage.cost

    def plain(self) -> Mapping[str, int | float]:
        """The numbers by name."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "cached_tokens": self.usage.cached_tokens,
            "cost": self.cost,
            "unpriced": sum(self.unpriced.values()),
        }

    def sentence(self) -> str | None:
        """All of it in a line; None where there was no request."""
        if not self.requests and not self.cached:
            return None
        parts = [f"{self.requests} request{'s' * (self.requests != 1)}"]
        if self.cached:
            parts.append(f"{self.cached} answer{'s' * (self.cached != 1)} from the cache")
        reused = f" ({self.usage.cached_tokens:,} of them cached)" if self.usage.cached_tokens else ""
        parts.append(f"{self.usage.input_tokens:,} tokens in{reused}")
        parts.append(f"{self.usage.output_tokens:,} out")
        unpriced = sum(self.unpriced.values())
        if unpriced < self.requests or not unpriced:
            parts.append(dollars(self.cost))
        if unpriced:
            names = ", ".join(list(self.unpriced)[:3]) + (", …" if len(self.unpriced) > 3 else "")
            parts.append(f"{unpriced} without a known price ({names})")
        return ", ".join(parts)
