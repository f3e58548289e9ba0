"""The ops behind `Skill`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell.errors import InvalidRequest
from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule

if TYPE_CHECKING:
    from llmspell.agents.skills.library import Library, Skill


def lua_module(session: Any) -> LuaModule:
    """The global `Skill` for one run."""
    ops = SkillOps(session)
    names = ("list", "get", "render", "prepare")
    return LuaModule("Skill", lua_source(__file__), {f"skill.{name}": getattr(ops, name) for name in names})


class SkillOps:
    """Every public method is an op of the same name. The folders are read anew each time: what changes is seen."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def list(self) -> Any:
        from llmspell.agents.skills.describing import summary

        return [summary(skill) for _, skill in sorted(self._library(problems=True).skills.items())]

    async def get(self, name: Any) -> dict[str, Any] | None:
        import asyncio

        from llmspell.agents.skills.describing import details

        library, name = self._library(), _name(name, "get")
        return await asyncio.to_thread(details, library.get(name)) if name in library else None

    async def render(self, name: Any, given: Any) -> dict[str, Any]:
        import asyncio

        from llmspell.agents.skills.running import rendered

        return await asyncio.to_thread(rendered, self._find(name, "render"), given)

    async def prepare(self, name: Any, given: Any, model: Any) -> dict[str, Any]:
        from llmspell.agents.skills.running import prepare

        prepared = await prepare(self._find(name, "run"), given, self._session.hub, model)
        return {"settings": prepared.settings, "text": prepared.text}

    def _find(self, name: Any, method: str) -> Skill:
        return self._library().get(_name(name, method))

    def _library(self, *, problems: bool = False) -> Library:
        from llmspell.agents.skills.folders import skill_folders
        from llmspell.agents.skills.library import Library

        library = Library(skill_folders(self._session.script))
        for notice in library.notices(problems=problems):
            self._session.hub.tell("skills", notice)
        return library


def _name(name: Any, method: str) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"Skill.{method} takes the name of a skill", hint=f'Skill.{method}("summarize", …)')
    return name
