"""Fetching a model in a terminal: the bar, Ctrl-C, and the prompt after it."""

import pytest

from llmspell.testing import write_plugin

SHOP = """\
import asyncio

from llmspell import ModelInfo, Provider, ProviderSpec, ProviderStatus, PullProgress, hookimpl

HERE = []


class Shop(Provider):
    name = "shop"

    async def status(self):
        return ProviderStatus(True, "9.1", len(HERE))

    async def models(self):
        return HERE

    async def available(self):
        return [ModelInfo("tiny:1b", "shop")]

    async def pull(self, ref):
        total = 94_000_000
        yield PullProgress("downloading", total // 4, total)
        if ref.id == "endless:1b":
            await asyncio.Event().wait()
        yield PullProgress("downloading", total, total)
        HERE.append(ModelInfo(ref.id, "shop", size_bytes=total))
        yield PullProgress("complete", total, total)


@hookimpl
def llmspell_providers():
    return [ProviderSpec("shop", lambda settings: Shop(), kind="local", rank=90)]
"""


@pytest.fixture
def shop(repl, tmp_path):
    write_plugin(tmp_path / "plugins", "shop", SHOP)
    return repl(PYTHONPATH=str(tmp_path / "plugins"), LLMSPELL_PLUGINS="shop")


def test_a_pull_shows_how_far_it_is_and_ends_at_a_prompt(shop):
    lines = shop.run(".pull tiny:1b")
    assert any("pulled tiny:1b" in line and "94.0/94.0 MB" in line for line in lines)
    assert lines[-1] == "shop/tiny:1b is pulled"
    assert any(line.split()[:2] == ["tiny:1b", "shop"] for line in shop.run(".models"))


def test_ctrl_c_stops_it_and_the_prompt_is_left_alone(shop):
    shop.type(".pull endless:1b")
    shop.press("enter")
    shop.wait_for("23.5/94.0 MB")
    shop.press("ctrl-c")
    shop.wait_for("`.pull endless:1b` goes on with what has come")
    shop.wait_prompt()
    assert shop.run("6 * 7")[1:] == ["42"]
    assert "endless" not in "".join(shop.run(".models")[1:])
