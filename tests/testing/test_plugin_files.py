"""Plugins written into a folder are found, and scripted replies reach a child process."""

import json
import os
import subprocess
import sys

import pytest

from llmspell.errors import ContextOverflow, InvalidRequest, RateLimited
from llmspell.models.names import parse
from llmspell.plugins.entry_points import EntryPoint, scan
from llmspell.providers.contract import ChatRequest, Finish, Message, Notice, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.testing import drive, read_script, write_plugin, write_scripted_plugin

CHAT = """
import asyncio
from llmspell import ChatRequest, Message
from llmspell.models.names import parse
from llmspell.plugins.host import PluginHost

async def main():
    provider = PluginHost(allow="scripted_plugin").providers()["scripted"].factory({})
    for text in ("one", "two"):
        async for event in provider.chat(ChatRequest(parse("scripted/model"), (Message("user", text),))):
            print(event)

asyncio.run(main())
"""


def play(folder, *replies):
    file = folder / "replies.json"
    file.write_text(json.dumps(replies), encoding="utf-8")
    provider = read_script(file)

    async def chat():
        return [event async for event in provider.chat(ChatRequest(parse("model"), (Message("user", "Hi"),)))]

    return [drive(chat()) for _ in replies]


def test_a_written_plugin_is_installed(tmp_path):
    file = write_plugin(tmp_path, "my-plugin", "x = 1\n", version="2.5")
    assert file == tmp_path / "my_plugin.py"
    assert scan([str(tmp_path)]) == [EntryPoint("my-plugin", "my_plugin", "my_plugin", "2.5")]


def test_pip_agrees_that_it_is_installed(tmp_path):
    from importlib.metadata import distributions

    write_plugin(tmp_path, "my-plugin", "x = 1\n")
    (found,) = distributions(path=[str(tmp_path)])
    assert (found.name, found.version) == ("my-plugin", "1.0")
    assert [(point.group, point.name, point.value) for point in found.entry_points] == [
        ("llmspell", "my-plugin", "my_plugin")
    ]


def test_a_child_process_gets_the_replies(tmp_path):
    environment = write_scripted_plugin(tmp_path, [["Hel", "lo ☕"], [{"notice": "slow"}, "Bye"]])
    child = subprocess.run(
        [sys.executable, "-c", CHAT],
        env={**os.environ, **environment, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == [
        "TextDelta(text='Hel')",
        "TextDelta(text='lo ☕')",
        str(Finish("stop", "model", Usage(1, 2))),
        str(Notice("slow")),
        "TextDelta(text='Bye')",
        str(Finish("stop", "model", Usage(1, 1))),
    ]


def test_a_file_can_say_everything(tmp_path):
    call = {"id": "c1", "name": "add", "arguments": {"a": 1}}
    steps = [{"reasoning": "hm"}, {"notice": "n"}, {"wait": 0}, "a", {"tool_call": call}, {"usage": [3, 2, 1]}]
    said, cut = play(tmp_path, steps, ["b", {"finish": "length"}])
    assert said == [
        ReasoningDelta("hm"),
        Notice("n"),
        TextDelta("a"),
        ToolCall("c1", "add", {"a": 1}),
        Finish("tool_calls", "model", Usage(3, 2, 1)),
    ]
    assert cut[-1].reason == "length"


def test_a_file_can_fail(tmp_path):
    with pytest.raises(RateLimited, match="slow down") as raised:
        play(tmp_path, [{"error": "rate_limited", "message": "slow down", "retry_after": 2}])
    assert raised.value.retry_after == 2
    with pytest.raises(ContextOverflow) as overflow:
        play(tmp_path, [{"error": "context_overflow", "limit": 10, "used": 20}])
    assert (overflow.value.limit, overflow.value.used) == (10, 20)


@pytest.mark.parametrize("step", [{"say": "x"}, {"error": "no_such_error", "message": ""}, {"finish": "done"}, 5, None])
def test_a_step_that_is_none_is_named(tmp_path, step):
    with pytest.raises(InvalidRequest):
        play(tmp_path, [step])
