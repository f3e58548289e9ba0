"""Lua programs of benchmarks, run by the runner itself with plugins of our own in place of the installed ones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from llmspell import LuaModule, hookimpl
from llmspell.config import load
from llmspell.lua import api
from llmspell.lua.runner import run_code
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginHost


class _BenchModule:
    """The global `Bench`: `Bench.mark(…)` doesn't wait, `Bench.direct(…)` does."""

    SOURCE = """
    return {
      mark = function(...) call("bench.mark", ...) end,
      direct = function(...) return await("bench.direct", ...) end,
    }
    """

    def __init__(self, mark: Callable[..., None], direct: Callable[..., Any]) -> None:
        self._ops = {"bench.mark": mark, "bench.direct": direct}

    @hookimpl
    def llmspell_lua_modules(self, session: Any) -> list[LuaModule]:
        return [LuaModule("Bench", self.SOURCE, self._ops)]


def run_program(
    source: str,
    mark: Callable[..., None],
    direct: Callable[..., Any],
    plugin: Any,
) -> None:
    """Run a program that has `Bench` and the providers of ``plugin``.

    ``direct`` must be a coroutine function.

    Raises:
        RuntimeError: it didn't end well; why stands on stderr.
    """
    plugins = PluginHost({"core": api, "bench": _BenchModule(mark, direct), "providers": plugin}, points=())
    with tempfile.TemporaryDirectory() as folder:
        settings = load(environ={"LLMSPELL_HOME": folder}, cwd=folder)
    code = run_code(source, Session(settings, plugins), name="bench.lua")
    if code != 0:
        raise RuntimeError(f"the benchmark's program ended with {code}")
