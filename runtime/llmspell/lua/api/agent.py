"""The ops behind `Agent`: numbers and plain tables on the script's side, agents on this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from llmspell.errors import InvalidRequest
from llmspell.lua.api.source import lua_source
from llmspell.lua.effects import may_wait
from llmspell.plugins.values import LuaModule

if TYPE_CHECKING:
    from llmspell.agents.agent import Agent
    from llmspell.agents.events import AgentEvent
    from llmspell.agents.registry import Registry
    from llmspell.agents.turn import TurnInput
    from llmspell.lua.api.batches import Batches

# What agents need (the hub, the provider contract, asyncio) is imported by the first op that uses it: a script that
# makes no agent starts without it.

Rows: TypeAlias = "list[dict[str, Any]]"  # a method is called list too


def lua_module(session: Any) -> LuaModule:
    """The global `Agent` for one run."""
    ops = AgentOps(session)
    names = [name for name in vars(AgentOps) if not name.startswith("_")]
    table = {f"agent.{name}": getattr(ops, name) for name in names if not name.startswith("stream_")}
    table |= {f"agent.stream.{name[7:]}": getattr(ops, name) for name in names if name.startswith("stream_")}
    return LuaModule("Agent", lua_source(__file__, "input", "builder"), table)


class AgentOps:
    """Every public method is an op of the same name; ``id`` is an agent's number, ``stream`` a stream's."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._agents: Registry | None = None
        self._batches: Batches[AgentEvent] | None = None

    # ── making and finding ────────────────────────────────────────────────────────────────────────────────────────

    def create(self, config: Any) -> dict[str, Any]:
        return _handle(self._registry().create(self._settings(config, "Agent.create")))

    def register(self, config: Any) -> dict[str, Any]:
        return _handle(self._registry().create(self._settings(config, "Agent.register"), registered=True))

    def get(self, name: Any) -> dict[str, Any] | None:
        agent = self._registry().hold(str(name))
        return None if agent is None else _handle(agent)

    def fork(self, id: int, changes: Any = None) -> dict[str, Any]:
        agents = self._registry()
        agent = agents.get(id)
        return _handle(agents.fork(agent, None if changes is None else self._settings(changes, "agent:fork")))

    def release(self, id: int) -> None:
        if self._agents is not None:
            self._agents.release(id)

    def destroy(self, id: int) -> None:
        self._registry().destroy(id)

    def list(self) -> Rows:
        return [
            {"name": agent.name, "type": agent.config.type, "model": agent.config.model}
            for agent in self._registry().agents()
        ]

    def describe(self, name: Any) -> dict[str, Any] | None:
        from llmspell.agents import reports

        agent = self._registry().find(str(name))
        return None if agent is None else reports.details(agent)

    def type_info(self) -> dict[str, Any]:
        from llmspell.agents import reports

        return reports.type_info()

    # ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def execute(self, id: int, given: Any, asked: Any = ()) -> dict[str, Any]:
        agent, turn = self._turn(id, given, asked)
        return (await agent.execute(turn)).plain()

    async def query_all(self, request: Any) -> Rows:
        from llmspell.agents.many import query_all

        return await query_all(self._registry(), self._settings(request, "Agent.query_all"))

    async def stream_open(self, id: int, given: Any, asked: Any = ()) -> int:
        from llmspell.lua.api.batches import Batches

        agent, turn = self._turn(id, given, asked)
        if self._batches is None:
            self._batches = Batches()
        return self._batches.open(agent.stream(turn))

    @may_wait
    def stream_next(self, stream: int) -> Any:
        from llmspell.lua.api.events import event_fields

        return [] if self._batches is None else self._batches.next(stream, event_fields)

    async def stream_close(self, stream: int) -> None:
        if self._batches is not None:
            await self._batches.close(stream)

    def stream_release(self, stream: int) -> None:
        if self._batches is not None:
            self._batches.release(stream)

    # ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────

    async def save(self, id: int, name: Any) -> None:
        from llmspell.agents.history import saving

        agent = self._registry().get(id)
        await saving.save(agent, name, approved=agent.gated)

    async def load(self, name: Any, changes: Any) -> dict[str, Any]:
        from llmspell.agents.history import saving

        return _handle(await saving.load(self._registry(), name, self._settings(changes, "Agent.load")))

    async def saved(self) -> Rows:
        from llmspell.agents.history import saving

        return [
            {"name": one.name, "model": one.model, "turns": one.turns, "saved_at": int(one.saved_at)}
            for one in await saving.saved()
        ]

    async def forget(self, name: Any) -> bool:
        from llmspell.agents.history import saving

        return await saving.forget(name)

    # ── what an agent says of itself ──────────────────────────────────────────────────────────────────────────────

    def last(self, id: int) -> dict[str, Any] | None:
        result = self._registry().get(id).last
        return None if result is None else result.plain()

    def messages(self, id: int) -> Any:
        from llmspell.agents import reports

        return [reports.message_fields(message) for message in self._registry().get(id).messages()]

    def undo(self, id: int) -> bool:
        return bool(self._registry().get(id).conversation.undo())

    def reset(self, id: int) -> None:
        self._registry().get(id).conversation.reset()

    def report(self, id: int, kind: str) -> dict[str, Any]:
        from llmspell.agents import reports

        kinds = {
            "config": reports.config,
            "metrics": reports.metrics,
            "health": reports.health,
            "performance": reports.performance,
            "state": reports.state,
            "details": reports.details,
        }
        return kinds[kind](self._registry().get(id))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _registry(self) -> Registry:
        if self._agents is None:
            self._agents = self._session.agents
        return self._agents

    def _settings(self, config: Any, caller: str) -> dict[str, Any]:
        """The fields of an agent, with its functions as Python calls them."""
        from llmspell.lua.api.script_tools import read_tool

        functions = self._session.functions
        settings = {name: functions.reference(value) or value for name, value in _table(config, caller).items()}
        if isinstance(tools := settings.get("tools"), (list, tuple)):
            settings["tools"] = [tool if isinstance(tool, str) else read_tool(tool, functions) for tool in tools]
        return settings

    def _turn(self, id: int, given: Any, asked: Any) -> tuple[Agent, TurnInput]:
        """The agent of a turn and its input; keys of the input that have no effect are told to the user. ``asked`` are
        the agents whose turns lead to this one."""
        from llmspell.agents.turn import read_input
        from llmspell.lua.functions import ASKED

        registry = self._registry()
        agent, turn = registry.get(id), read_input(given)
        if id in (asked or ()):
            raise InvalidRequest(
                f"{agent.name} is asked by one of its own tools, and would wait for itself",
                hint="ask a copy of it: agent:fork()",
            )
        ASKED.set((*(asked or ()), id))
        for key in turn.unused:
            registry.notice(f"agent:execute: the key '{key}' has no effect")
        return agent, turn


def _handle(agent: Agent) -> dict[str, Any]:
    return {"id": agent.id, "name": agent.name, "model": agent.config.model}


def _table(config: Any, caller: str) -> Mapping[str, Any]:
    if isinstance(config, Mapping):
        return config
    if isinstance(config, (list, tuple)) and not config:
        return {}
    raise InvalidRequest(f"{caller} takes one table", hint=f'write {caller}{{model = "…"}}')
