"""When a turn has called enough tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmspell.agents.config import AgentConfig
from llmspell.agents.tools.rounds import same
from llmspell.providers.contract import ToolCall

IDENTICAL_ROUNDS = 3
"""How often in a row a model may ask for the same; the last time it is told so instead."""
CIRCLE = (
    "you ask for the same again and again, and it was not done once more: answer now with the results that you have"
)
HINT = "raise max_rounds, or say in the system prompt when to stop; the error's result has what there is"


class Limits:
    """Counts the rounds of a turn and its calls, and looks whether it goes round in a circle."""

    def __init__(self, config: AgentConfig) -> None:
        self.rounds = 0
        self._most_rounds = config.max_rounds
        self._most_calls = config.resource_limits.get("max_tool_calls")
        self._calls = 0
        self._asked: tuple[Any, ...] = ()
        self._times = 0

    @property
    def circling(self) -> bool:
        """Whether the model has asked for the same once too often."""
        return self._times >= IDENTICAL_ROUNDS

    def reached(self, calls: Sequence[ToolCall]) -> str | None:
        """Why these calls are too many, in words for the user; None if they aren't."""
        if self.circling:
            return f"the model goes on calling tools after it has asked for the same {IDENTICAL_ROUNDS} times"
        if self.rounds >= self._most_rounds:
            return f"the model goes on calling tools after {self._most_rounds} rounds"
        if self._most_calls is not None and self._calls + len(calls) > self._most_calls:
            return f"the model asks for more than {self._most_calls:g} calls of tools"
        return None

    def circles(self, calls: Sequence[ToolCall]) -> bool:
        """Whether these calls are the same once too often; if not, they are counted as a round."""
        asked = same(calls)
        self._times = self._times + 1 if asked == self._asked else 1
        self._asked = asked
        if self.circling:
            return True
        self.rounds += 1
        self._calls += len(calls)
        return False
