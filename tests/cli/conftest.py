"""The real command in child processes, with a home and a working directory of its own."""

import os
import subprocess
import sys

import pytest

from llmspell.testing.plugin_files import write_plugin

SHOP = """\
import asyncio
import os

from llmspell import (
    Command, Finish, ModelInfo, Provider, ProviderSpec, ProviderStatus, PullProgress, TextDelta, Usage, hookimpl
)
from llmspell.errors import ModelNotFound, PullFailed

HERE = {}
KNOWN = {"tiny:1b": 94_000_000, "broken:1b": 10, "endless:1b": 1000}


class Shop(Provider):
    name = "shop"

    async def status(self):
        if "SHOP_CLOSED" in os.environ:
            return ProviderStatus(False, error="the shop is closed")
        return ProviderStatus(True, "9.1", len(HERE))

    async def models(self):
        return list(HERE.values())

    async def available(self):
        return [ModelInfo(id, "shop", size_bytes=size, capabilities=frozenset({"chat"})) for id, size in KNOWN.items()]

    async def info(self, ref):
        if ref.id not in HERE:
            raise ModelNotFound(f"shop has no {ref.id}", model=ref.id)
        return HERE[ref.id]

    async def pull(self, ref):
        if ref.id == "broken:1b":
            raise PullFailed("the line went dead", model=ref.id, hint="try again")
        total = KNOWN[ref.id]
        if ref.id == "endless:1b":
            yield PullProgress("downloading", 10, total)
            await asyncio.Event().wait()
        if ref.id not in HERE:
            for part in range(0, 101):
                yield PullProgress("downloading", total * part // 100, total)
            yield PullProgress("verifying", total, total)
            HERE[ref.id] = ModelInfo(ref.id, "shop", size_bytes=total)
        yield PullProgress("complete", total, total)

    async def chat(self, request):
        await self.info(request.model)
        yield TextDelta("sold")
        yield Finish("stop", request.model.id, Usage())

    async def remove(self, ref):
        await self.info(ref)
        del HERE[ref.id]


def shout(arguments):
    print(arguments.word.upper() * arguments.times)
    return 9


def configure(parser):
    parser.add_argument("word")
    parser.add_argument("--times", type=int, default=1)


def explode(arguments):
    raise RuntimeError("boom\\nbang")


@hookimpl
def llmspell_providers():
    return [ProviderSpec("shop", lambda settings: Shop(), kind="local", rank=90, settings={"host": str})]


@hookimpl
def llmspell_commands():
    return [
        Command("shout", "say it loud", shout, configure),
        Command("explode", "fail", explode),
    ]
"""


@pytest.fixture
def llmspell(tmp_path):
    """Run the command: `llmspell("model", "list")` gives a finished process with text.

    The plugin of the local provider ``shop`` is installed. `llmspell.cwd` is where the command runs.
    """
    write_plugin(tmp_path / "plugins", "shop", SHOP)
    cwd = tmp_path / "work"
    cwd.mkdir()

    def environment(more):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LLMSPELL_")}
        plain.pop("PYTHONUNBUFFERED", None)  # few users have it, and it hides what happens when the rest is written
        return {
            **plain,
            "LLMSPELL_HOME": str(tmp_path / "home"),
            "LLMSPELL_PLUGINS": "shop",
            "PYTHONPATH": str(tmp_path / "plugins"),
            **more,
        }

    def run(*words, env=None, stdin=None, **more):
        return subprocess.run(
            [sys.executable, "-m", "llmspell", *words],
            cwd=cwd,
            env=environment(env or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            **more,
        )

    run.cwd = cwd
    run.home = tmp_path / "home"
    run.environment = environment
    return run
