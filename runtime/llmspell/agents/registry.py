"""The agents of one run, by number and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from llmspell.agents.agent import Agent
from llmspell.agents.config import AgentConfig, Defaults, read_config
from llmspell.agents.conversation import Conversation
from llmspell.agents.tools.mode import Modes
from llmspell.errors import InvalidRequest
from llmspell.providers.contract import Notice
from llmspell.providers.hub import Hub

if TYPE_CHECKING:
    from llmspell.agents.skills.activation import Attached
    from llmspell.agents.skills.folders import Folder
    from llmspell.agents.tools.toolbox import Toolbox
    from llmspell.agents.tools.toolset import Approve, ToolSet
    from llmspell.plugins.values import Tool

_UNUSED: Mapping[str, str] = {
    "context_window": "context_window has no effect: the provider's context_length says how long a context is",
}

_MAY_BE_FALSE = ("cache", "logs", "memory_enabled", "skills")


@dataclass(slots=True)
class _Entry:
    agent: Agent
    tools: tuple[Tool, ...] = ()
    approve: Approve | None = None
    holds: int = 1
    registered: bool = False


class Registry:
    """Makes agents and keeps them as long as a script holds them; registered ones stay until they are destroyed.

    ``toolbox`` has the tools that agents name, and is asked for by the first that names one; ``skill_folders`` says
    where skills are.
    """

    def __init__(
        self,
        hub: Hub,
        defaults: Defaults,
        toolbox: Callable[[], Toolbox] = lambda: _no_tools(),
        skill_folders: Callable[[], Sequence[Folder]] = tuple,
    ) -> None:
        self._hub = hub
        self._defaults = defaults
        self._toolbox = toolbox
        self._skill_folders = skill_folders
        self._modes = Modes(hub)
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
        tools = self._tools(config, given)
        entry = self._add(replace(config, tools=tuple(tool.name for tool in tools)), tools, given.get("approve"))
        entry.registered = registered
        return entry.agent

    def fork(self, agent: Agent, changes: Mapping[str, Any] | None = None) -> Agent:
        """Copy an agent with its tools and its conversation. ``changes`` are fields of `Agent.create` in place of its
        own; one that is False where that is no value stands for what holds where a script says nothing.

        Raises:
            InvalidRequest: a field is wrong.
        """
        own = self._entries[agent.id]
        if not changes:
            return self._add(agent.config, own.tools, own.approve, agent.conversation.fork()).agent
        from llmspell.agents.history.saving import settings_of

        given: dict[str, Any] = {"cache": False, "fallback": [], **settings_of(agent.config)}
        given |= {"tools": own.tools, "approve": own.approve, "options": dict(agent.config.options)}
        options = given["options"]
        for name, value in changes.items():
            given.pop(name, None)
            options.pop(name, None)
            if value is not False or name in _MAY_BE_FALSE:
                given[name] = value
        copy = self.create(given)
        copy.conversation = Conversation(copy.config.max_conversation_length, agent.conversation.messages)
        return copy

    def _add(
        self,
        config: AgentConfig,
        tools: tuple[Tool, ...],
        approve: Approve | None,
        conversation: Conversation | None = None,
    ) -> _Entry:
        skills = self._skills(config)
        agent = Agent(
            self._made + 1, config, self._hub, conversation, self._tool_set(config, tools, approve, skills), skills
        )
        self._made += 1
        entry = self._entries[self._made] = _Entry(agent, tools, approve)
        return entry

    # ── what agents have beside a model ───────────────────────────────────────────────────────────────────────────

    def _tools(self, config: AgentConfig, given: Mapping[str, Any]) -> tuple[Tool, ...]:
        """The tools that the fields of an agent name, or bring with them."""
        if not config.tools:
            return ()
        toolbox = self._toolbox()
        wanted = list(given.get("tools") or ())
        for name in given.get("allowed_tools") or ():
            if toolbox.find(name) is None:  # it was allowed, no more
                self.notice(f"allowed_tools: there is no tool '{name}'")
            else:
                wanted.append(name)
        return toolbox.take(wanted)

    def _tool_set(
        self, config: AgentConfig, tools: tuple[Tool, ...], approve: Approve | None, skills: Attached | None
    ) -> ToolSet | None:
        tools += skills.tools if skills is not None else ()
        if not tools:
            return None
        from llmspell.agents.tools.toolset import ToolSet

        toolbox = self._toolbox()
        return ToolSet(toolbox.take(tools), toolbox, self._modes, approve=approve, timeout=config.tool_timeout)

    def _skills(self, config: AgentConfig) -> Attached | None:
        if not config.skills:
            return None
        from llmspell.agents.skills.activation import attach

        attached = attach(config.skills, self._skill_folders())
        for notice in attached.notices:
            self.notice(notice.text, notice.level)
        return attached

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

    def notice(self, text: str, level: Literal["info", "debug"] = "info") -> None:
        """Tell the user something, once in a run."""
        if text not in self._said:
            self._said.add(text)
            self._hub.tell("agent", Notice(text, level))


def _no_tools() -> Toolbox:
    from llmspell.agents.tools.toolbox import Toolbox

    return Toolbox()
