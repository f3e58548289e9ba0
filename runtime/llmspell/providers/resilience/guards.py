"""What stands before each provider: its limits, its breaker, its gate. Made when it is first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from llmspell.providers.resilience.backoff import Policy
from llmspell.providers.resilience.breaker import Breaker
from llmspell.providers.resilience.gate import Gate
from llmspell.providers.resilience.limits import Limits


class Spec(Protocol):
    """The part of a provider's spec that matters here."""

    @property
    def kind(self) -> Literal["local", "cloud"]: ...


class Guard:
    """One provider's limits and what keeps them."""

    __slots__ = ("breaker", "gate", "kind", "limits")

    def __init__(self, name: str, kind: Literal["local", "cloud"], limits: Limits) -> None:
        self.kind: Literal["local", "cloud"] = kind
        self.limits = limits
        self.breaker = Breaker(name, limits.breaker_failures, limits.breaker_seconds)
        self.gate = Gate.of(limits)


class Guards:
    """The guards of all providers of a run, by configured name; ``policy`` is what goes for every request."""

    def __init__(self, specs: Mapping[str, Spec], table: Callable[[str], Mapping[str, Any]], policy: Policy) -> None:
        self._specs = specs
        self._table = table
        self._made: dict[str, Guard] = {}
        self.policy = policy

    def of(self, name: str) -> Guard:
        """The guard of a provider, by its configured name."""
        guard = self._made.get(name)
        if guard is None:
            kind = self._specs[name].kind
            guard = self._made[name] = Guard(name, kind, Limits.read(self._table(name), kind))
        return guard
