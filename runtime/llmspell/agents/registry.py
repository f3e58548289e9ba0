"""The agents of one run, by number and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmspell.agents.agent import Agent
from llmspell.agents.config import AgentConfig, Defaults, read_config
from llmspell.errors import InvalidRequest
from llmspell.providers.contract import Notice
from llmspell.providers.hub import Hub

_UNUSED: Mapping[str, str] = {
    "allowed_tools": "tools are not run: agents answer without them",
    "context_window": "context_window has no effect: the provider's context_length says how long a context is",
}


@dataclass(slots=True)
class _Entry:
    agent: Agent
    holds: int = 1
    registered: bool = False


class Registry:
    """Makes agents and keeps them as long as a script holds them; registered ones stay until they are destroyed."""

    def __init__(self, hub: Hub, defaults: Defaults) -> None:
        self._hub = hub
        self._defaults = defaults
        self._entries: dict[int, _Entry] = {}
        self._made = 0
        self._said: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def create(self, given: Mapping[str, Any], *, registered: bool = False) -> Agent:
        """Make an agent from the fields of `Agent.create`; the caller holds it once.

        Raises:
            InvalidRequest: a field is wrong.
        """
        config = read_config(given, self._defaults)
        self._check_base_url(config)
        for name in config.unused:
            self.notice(_UNUSED[name])
        if registered and config.name is None:
            raise InvalidRequest("Agent.register needs a name")
        entry = self._add(lambda id: Agent(id, config, self._hub))
        entry.registered = registered
        return entry.agent

    def fork(self, agent: Agent) -> Agent:
        """Copy an agent with its conversation."""
        return self._add(agent.fork).agent

    def _add(self, make: Callable[[int], Agent]) -> _Entry:
        self._made += 1
        entry = self._entries[self._made] = _Entry(make(self._made))
        return entry

    def _check_base_url(self, config: AgentConfig) -> None:
        if config.base_url is None:
            return
        if self._hub.rewritten(config.model) == config.model:
            raise InvalidRequest(
                "base_url: a script doesn't choose where requests go",
                hint=f'put base_url = "{config.base_url}" under [providers.NAME] of llmspell.toml',
            )
        self.notice(f"base_url has no effect: the configuration sends {config.model} elsewhere")

    def get(self, id: int) -> Agent:
        """The agent of a number.

        Raises:
            InvalidRequest: it was destroyed.
        """
        entry = self._entries.get(id)
        if entry is None:
            raise InvalidRequest(f"agent_{id} was destroyed", hint="make a new one with Agent.create")
        return entry.agent

    def hold(self, name: str) -> Agent | None:
        """The newest agent of that name, held once more; None if there is none."""
        entry = self._newest(name)
        if entry is None:
            return None
        entry.holds += 1
        return entry.agent

    def find(self, name: str) -> Agent | None:
        """The newest agent of that name."""
        entry = self._newest(name)
        return None if entry is None else entry.agent

    def _newest(self, name: str) -> _Entry | None:
        return next((entry for entry in reversed(self._entries.values()) if entry.agent.name == name), None)

    def agents(self) -> list[Agent]:
        """All agents that are held, the oldest first."""
        return [entry.agent for entry in self._entries.values()]

    def release(self, id: int) -> None:
        """Let go of an agent once; nothing happens if it is gone."""
        entry = self._entries.get(id)
        if entry is not None:
            entry.holds -= 1
            if entry.holds <= 0 and not entry.registered:
                del self._entries[id]

    def destroy(self, id: int) -> None:
        """Forget an agent, whoever holds it."""
        self._entries.pop(id, None)

    def notice(self, text: str) -> None:
        """Tell the user something, once in a run."""
        if text not in self._said:
            self._said.add(text)
            self._hub.tell("agent", Notice(text))
