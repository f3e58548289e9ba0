"""Many requests on one engine: sharing its context, waiting in line, stopping, loading once, being out of reach."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from llmspell import Finish, ModelRef, Notice, PromptProgress, TextDelta
from llmspell.errors import ConfigError, ProviderUnavailable
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of, text_of
from llmspell_gguf import engine as engines
from llmspell_gguf import metadata
from llmspell_gguf.provider import GgufProvider
from llmspell_gguf.sizing import plan

STORY = "Tell me a long story about a lighthouse keeper and the sea."


@pytest.fixture(scope="module")
def small_and_engine(provide):
    """A provider whose context, 256 tokens, is soon full."""
    return provide(context_length=256, parallel=4)


@pytest.fixture(scope="module")
def small(small_and_engine):
    return small_and_engine[0]


def at_once(provider, requests):
    async def run():
        return await asyncio.gather(*(collect(provider, request) for request in requests))

    return drive(run())


def test_requests_beyond_the_context_wait_in_line(small, ask):
    requests = [ask(f"{STORY} {number}", max_tokens=150) for number in range(4)]
    for events in at_once(small, requests):
        assert finish_of(events).usage.output_tokens == 150


def test_answers_without_a_limit_share_the_context_and_none_is_cut_short(small, ask):
    requests = [ask(f"{STORY} {number}") for number in range(2)]
    alone = [drive(collect(small, request)) for request in requests]
    for before, after in zip(alone, at_once(small, requests), strict=True):
        usage, expected = finish_of(after).usage, finish_of(before).usage
        assert usage.input_tokens == expected.input_tokens
        if finish_of(before).reason == "length":  # it went on to the end of the context, not of its share
            assert expected.total_tokens == 256
        assert usage.output_tokens > 100
        assert text_of(after)[:40] == text_of(before)[:40]


def test_a_prompt_longer_than_estimated_waits_for_what_it_needs(small, ask):
    dense = ask("?!" * 60 + " 1 2 3 4 5 6 7 8 9" * 4, max_tokens=10)
    for events in at_once(small, [ask(STORY, max_tokens=120), dense, dense]):
        assert finish_of(events).reason in ("stop", "length")


def test_stopping_while_decoding_stops_the_engine(gguf, ask, settled):
    async def run():
        before = await settled()
        stream = gguf.chat(ask(STORY, max_tokens=900))
        async for event in stream:
            if isinstance(event, TextDelta):
                break
        await stream.aclose()
        after = await settled()
        return after["tokens_predicted_total"] - before["tokens_predicted_total"]

    assert drive(run()) < 100


def test_cancelling_the_task_stops_the_engine(gguf, ask, settled):
    async def run():
        before = await settled()
        begun = asyncio.Event()

        async def read():
            async for event in gguf.chat(ask(STORY, max_tokens=900)):
                if isinstance(event, TextDelta):
                    begun.set()

        task = asyncio.ensure_future(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        after = await settled()
        return after["tokens_predicted_total"] - before["tokens_predicted_total"]

    assert drive(run()) < 100


def test_stopping_while_the_prompt_is_read_stops_the_engine(gguf, ask, settled):
    async def run():
        before = await settled()
        stream = gguf.chat(ask("a salty and windy " * 180, max_tokens=20))
        async for event in stream:
            if isinstance(event, PromptProgress):
                total = event.total
                break
        await stream.aclose()
        after = await settled()
        return after["prompt_tokens_total"] - before["prompt_tokens_total"], total

    read, total = drive(run())
    assert read <= 512 < total
    assert finish_of(drive(collect(gguf, ask("Hi", max_tokens=2))))


def test_one_that_waits_in_line_can_be_cancelled(small_and_engine, ask):
    small, engine = small_and_engine

    async def run():
        first = small.chat(ask(STORY, max_tokens=200))
        await anext_text(first)
        second = asyncio.ensure_future(collect(small, ask(STORY + " Now.", max_tokens=200)))
        third = asyncio.ensure_future(collect(small, ask("Say hello.", max_tokens=3)))
        while engine.admission.waiting < 2:
            await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        async for _ in first:
            pass
        return await third

    assert finish_of(drive(run())).usage.output_tokens == 3
    assert engine.idle
    assert engine.admission.free == engine.admission.capacity


async def anext_text(stream):
    async for event in stream:
        if isinstance(event, TextDelta):
            return event
    raise AssertionError("no text came")


def test_a_model_is_loaded_once(engine_name, loads, model_file, ask):
    before = len(loads)
    provider = GgufProvider({"engine": engine_name, "threads": 1, "context_length": 512})
    link = ModelRef(os.path.relpath(model_file), kind="file")
    answers = at_once(provider, [ask("Hi", max_tokens=2), ask("Ho", max_tokens=2), ask("He", max_tokens=2, model=link)])
    drive(provider.aclose())
    assert len(loads) == before + 1
    assert sum(isinstance(event, Notice) for events in answers for event in events) == 1


def test_who_stops_waiting_for_a_load_does_not_stop_it_for_others(engine_name, ask, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    load = engines.load

    def slowly(*arguments):
        begun.set()
        go.wait()
        return load(*arguments)

    monkeypatch.setattr(engines, "load", slowly)
    provider = GgufProvider({"engine": engine_name, "threads": 1, "context_length": 512})

    async def run():
        one, two = (asyncio.ensure_future(collect(provider, ask("Hi", max_tokens=2))) for _ in range(2))
        await asyncio.to_thread(begun.wait)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        go.set()
        return await two

    assert isinstance(drive(run())[-1], Finish)
    drive(provider.aclose())


def test_an_engine_that_served_nobody_can_be_closed(engine_name, model_file):
    code = """
import os, sys
from llmspell_gguf import engine, metadata, sizing
header = metadata.read(sys.argv[2])
for _ in range(5):
    engine.load(sys.argv[1], header, sizing.plan(header, {"threads": 1, "context_length": 256})).close()
if os.path.exists("/proc/self/maps"):
    with open("/proc/self/maps") as maps:
        assert header.path not in maps.read(), "its file is still mapped"
"""
    command = [sys.executable, "-c", code, engine_name, str(model_file)]
    assert subprocess.run(command, timeout=120).returncode == 0


def test_memory_mb_unloads_what_was_used_least_recently(engine_name, model_file, tmp_path, ask):
    other = tmp_path / "other.gguf"
    other.symlink_to(model_file)
    third = tmp_path / "third.gguf"
    try:
        os.link(model_file, third)
    except OSError:  # another file system
        shutil.copy(model_file, third)
    provider = GgufProvider({"engine": engine_name, "threads": 1, "context_length": 256, "memory_mb": 150})
    drive(collect(provider, ask("Hi", max_tokens=1)))
    drive(collect(provider, ask("Hi", max_tokens=1, model=ModelRef(str(other), kind="file"))))
    assert provider._engines.holds(str(model_file))
    drive(collect(provider, ask("Hi", max_tokens=1, model=ModelRef(str(third), kind="file"))))
    assert provider._engines.holds(str(third))
    assert not provider._engines.holds(str(model_file))
    drive(provider.aclose())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_nobody_can_connect_to_the_engine(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    header = metadata.read(str(model_file))
    before = listening()
    seen = []
    xllamacpp_engine = pytest.importorskip("llmspell_gguf.xllamacpp_engine")
    server = xllamacpp_engine.xllamacpp.Server

    def watched(params):
        made = server(params)
        (folder,) = tmp_path.iterdir()
        seen.append((folder.stat().st_mode & 0o777, [entry.name for entry in folder.iterdir()], str(folder)))
        return made

    monkeypatch.setattr(xllamacpp_engine.xllamacpp, "Server", watched)
    engine = xllamacpp_engine.XllamacppEngine(header, plan(header, {"threads": 1, "context_length": 256}))
    ((mode, names, folder),) = seen
    assert (mode, names) == (0o700, ["engine.sock"])
    assert list(tmp_path.iterdir()) == []
    assert listening() == before, "a TCP port listens"
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(FileNotFoundError):
        client.connect(f"{folder}/engine.sock")
    assert engine.counters()["requests_processing"] == 0
    engine.close()


def listening():
    """TCP sockets of this process that listen, as /proc names them."""
    mine = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
    found = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        if os.path.exists(table):
            with open(table) as lines:
                rows = [line.split() for line in list(lines)[1:]]
            found |= {row[9] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in mine}
    return found


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"engine": "vllm"}, "xllamacpp"),
        ({"isolation": "container"}, "isolation"),
        ({"memory_mb": 0}, "memory_mb"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(settings, names):
    with pytest.raises(ConfigError) as error:
        GgufProvider(settings)
    assert names in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize("settings", [{"threads": 0}, {"context_length": 10}, {"parallel": True}, {"parallel": 1.5}])
def test_a_measure_out_of_range_is_refused(settings, model_file):
    with pytest.raises(ConfigError) as error:
        plan(metadata.read(str(model_file)), settings)
    assert next(iter(settings)) in error.value.message


def test_without_an_engine_the_error_says_what_to_install(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    provider = GgufProvider()
    with pytest.raises(ProviderUnavailable) as error:
        drive(collect(provider, ask("Hi")))
    assert error.value.hint == "pip install 'llmspell[local]'"


def test_without_the_engine_that_is_set_the_error_names_the_other_one_too(engine_name, ask, monkeypatch):
    other, module, extra = {
        "xllamacpp": ("llama-cpp-python", "llama_cpp", "gguf"),
        "llama-cpp-python": ("xllamacpp", "xllamacpp", "local"),
    }[engine_name]
    monkeypatch.setitem(sys.modules, module, None)
    provider = GgufProvider({"engine": other})
    with pytest.raises(ProviderUnavailable) as error:
        drive(collect(provider, ask("Hi")))
    assert error.value.hint == f"pip install 'llmspell[{extra}]', or set [providers.gguf] engine = \"{engine_name}\""
