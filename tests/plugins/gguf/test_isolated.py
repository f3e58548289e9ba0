"""Engines in processes of their own: they answer as those in this process do, and their deaths cost little.

Real children with the real model, and real signals.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from llmspell import (
    Finish,
    ModelRef,
    PromptProgress,
    ScoreRequest,
    TextDelta,
)
from llmspell.errors import (
    ContextOverflow,
    ModelNotUsable,
    ProviderCrashed,
    ProviderError,
    ProviderUnavailable,
)
from llmspell.testing import drive
from llmspell.testing.conformance import ProviderConformance
from llmspell.testing.streams import finish_of, text_of
from llmspell_gguf import engine, metadata, spawning, wire
from llmspell_gguf.engine import Work
from llmspell_gguf.isolated import IsolatedEngine
from llmspell_gguf.provider import GgufProvider
from llmspell_gguf.sizing import Plan

PLAN = Plan(context_length=1024, parallel=8, threads=1, why="")
STORY = "Tell me a long story about a lighthouse keeper and the sea."

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc, waits by pidfd")


@pytest.fixture(scope="module")
def isolated():
    settings = {"engine": "xllamacpp", "isolation": "process", "threads": 1, "context_length": 1024, "parallel": 8}
    provider = GgufProvider(settings)
    yield provider
    drive(provider.aclose())


class TestIsolated(ProviderConformance):
    """The conformance kit, with the models in processes of their own."""

    plugin = "llmspell_gguf"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema"})
    long_prompt = "word " * 3000

    @pytest.fixture
    def provider(self, isolated):
        return isolated

    @pytest.fixture
    def model(self, model_file):
        return ModelRef(str(model_file), kind="file")


@pytest.fixture(scope="module")
def header(model_file):
    return metadata.read(str(model_file))


@pytest.fixture(scope="module")
def shared(engine_name, header):
    """An isolated engine that no test harms."""
    made = IsolatedEngine(engine_name, header, PLAN)
    yield made
    made.close()


@pytest.fixture
def doomed(header):
    """An isolated engine of the test's own."""
    made = IsolatedEngine("xllamacpp", header, PLAN)
    yield made
    made.close()


@pytest.fixture
def work(ask):
    """A chat for an engine: ``work("text", max_tokens=5)``."""

    def make(*turns, **options):
        request = ask(*turns, **options)
        return Work(request, "smollm2", dict(request.options))

    return make


async def read(engine, work, into=None):
    events = [] if into is None else into
    async with contextlib.aclosing(engine.chat(work)) as stream:
        async for event in stream:
            events.append(event)
    return events


async def begun(stream):
    """Read a stream up to its first text."""
    async for event in stream:
        if isinstance(event, TextDelta):
            return event
    raise AssertionError("no text came")


def gone(pid):
    """Wait until a process that may be no child of this one has ended."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 20)[0])
    finally:
        os.close(watched)


# ── as in this process ────────────────────────────────────────────────────────────────────────────────────────────


def test_it_answers_as_an_engine_in_this_process_does(shared, engine_name, header, work):
    here = engine.load(engine_name, header, PLAN)
    question = work("Name three colours of the sea.", max_tokens=40)
    expected = drive(read(here, question))
    here.close()
    assert drive(read(shared, question)) == expected
    assert shared.title == here.title
    assert shared.pid != os.getpid()


def test_it_scores_and_counts_as_an_engine_in_this_process_does(shared, engine_name, header, ask):
    here = engine.load(engine_name, header, PLAN)
    question, chat = ScoreRequest(ModelRef("it"), ("The sea is", "A lamp is", ""), " wide and blue"), ask("How wide?")
    expected = drive(here.score(question)), drive(here.count(chat))
    here.close()
    found = drive(shared.score(question)), drive(shared.count(chat))
    assert found[0].log_probabilities == pytest.approx(expected[0].log_probabilities, abs=0.2)
    assert (found[0].tokens, found[1]) == (expected[0].tokens, expected[1])


def test_several_chats_at_once_keep_their_events_apart(shared, work):
    texts = ["What is the capital of France?", "Write a haiku.", "Count from one to ten.", "Say hello."]
    questions = [work(text, max_tokens=12) for text in texts]
    alone = [text_of(drive(read(shared, question)))[:3] for question in questions]
    assert len(set(alone)) == len(alone)

    async def at_once():
        return await asyncio.gather(*(read(shared, question) for question in questions))

    answers = drive(at_once())
    assert [text_of(events)[:3] for events in answers] == alone
    assert all(isinstance(events[-1], Finish) for events in answers)
    assert shared.idle


def test_a_long_prompt_tells_how_far_it_is(shared, work):
    events = drive(read(shared, work("a salty and windy " * 120, max_tokens=2)))
    assert any(isinstance(event, PromptProgress) for event in events)


def test_vectors_cross_in_order(engine_name, header):
    plan = replace(PLAN, embedding=True)
    here, there = engine.load(engine_name, header, plan), IsolatedEngine(engine_name, header, plan)
    texts = ["The sea is calm.", "", "Ein Leuchtturm 🗼"]
    expected, found = drive(here.embed(texts)), drive(there.embed(texts))
    here.close()
    there.close()
    assert found.tokens == expected.tokens
    for one, other in zip(found.vectors, expected.vectors, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_it_works_on_one_loop_after_another(doomed, work):
    loops = [asyncio.new_event_loop() for _ in range(2)]
    answers = [loop.run_until_complete(read(doomed, work("Say hello.", max_tokens=3))) for loop in loops]
    assert [finish_of(events).usage.output_tokens for events in answers] == [3, 3]
    for loop in loops:
        loop.close()


def test_a_loop_that_is_closed_under_a_chat_takes_nothing_with_it(doomed, work):
    loop = asyncio.new_event_loop()
    stream = doomed.chat(work(STORY, max_tokens=900))
    loop.run_until_complete(begun(stream))
    loop.close()
    assert finish_of(drive(read(doomed, work("Say hello.", max_tokens=3)))).usage.output_tokens == 3
    drive(settled(doomed))  # the lost chat was stopped too
    assert doomed.idle
    drive(stream.aclose())


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def settled(engine):
    while (counters := await engine.counters())["requests_processing"]:
        pass
    return counters


def test_a_score_that_nobody_waits_for_stops(shared):
    async def run():
        request = ScoreRequest(ModelRef("it"), tuple(f"{number} " * 60 for number in range(8)), "and on it goes " * 30)
        task = asyncio.ensure_future(shared.score(request))
        while not (await shared.counters())["requests_processing"]:
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await settled(shared)

    before = drive(settled(shared))
    after = drive(run())
    assert after["tokens_predicted_total"] - before["tokens_predicted_total"] < 8 * 100
    assert shared.idle


def test_closing_the_stream_stops_the_engine_in_the_child(shared, work):
    async def run():
        before = await settled(shared)
        stream = shared.chat(work(STORY, max_tokens=900))
        await begun(stream)
        await stream.aclose()
        assert shared.idle
        after = await settled(shared)
        return after["tokens_predicted_total"] - before["tokens_predicted_total"]

    assert drive(run()) < 100


def test_cancelling_stops_the_prompt_in_the_child(shared, work):
    async def run():
        before = await settled(shared)
        stream = shared.chat(work("a windy and salty " * 180, max_tokens=20))
        async for event in stream:
            if isinstance(event, PromptProgress):
                break
        await stream.aclose()
        after = await settled(shared)
        return after["prompt_tokens_total"] - before["prompt_tokens_total"], event.total

    read, total = drive(run())
    assert read <= 512 < total


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_of_the_engine_are_the_same_here(shared, work):
    with pytest.raises(ContextOverflow) as caught:
        drive(read(shared, work("word " * 2000)))
    assert (caught.value.limit, caught.value.used > 2000) == (1024, True)
    assert caught.value.hint
    assert not caught.value.retryable
    assert not shared.crashed


def test_a_file_that_cannot_be_loaded_is_said_and_leaves_no_process(header, monkeypatch, gguf_copy):
    children = recorded(monkeypatch)
    broken = gguf_copy("other.gguf", {"general.architecture": "llama", "llama.attention.head_count": 7})
    with pytest.raises(ModelNotUsable) as caught:
        IsolatedEngine("xllamacpp", replace(header, path=str(broken)), PLAN)
    assert str(broken) in caught.value.message
    assert gone(children[0].pid)


def recorded(monkeypatch):
    """The children that are started from now on."""
    children, kind = [], spawning.ChildProcess

    class Recorded(kind):
        def __init__(self):
            super().__init__()
            children.append(self)

    monkeypatch.setattr("llmspell_gguf.isolated.ChildProcess", Recorded)
    return children


# ── deaths ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_signal_midway_is_a_crash_that_can_be_tried_again(doomed, work, model_file, number):
    events = []

    async def run():
        stream = doomed.chat(work(STORY, max_tokens=900))
        events.append(await begun(stream))
        os.kill(doomed.pid, number)
        async for event in stream:
            events.append(event)

    with pytest.raises(ProviderCrashed) as caught:
        drive(run())
    assert f"{model_file}: the process that ran it died of {signal.Signals(number).name}" in caught.value.message
    assert caught.value.retryable
    assert "call again" in caught.value.hint
    assert ("memory" in caught.value.hint) == (number == signal.SIGKILL)
    assert events[0].text
    assert not any(isinstance(event, Finish) for event in events)
    assert doomed.crashed
    assert doomed.idle


def test_a_crash_reaches_all_that_ran_and_nothing_else(doomed, shared, work):
    async def run():
        elsewhere = shared.chat(work(STORY, max_tokens=60))
        before = [await begun(elsewhere)]
        streams = [doomed.chat(work(f"{STORY} {number}", max_tokens=250)) for number in range(3)]
        for stream in streams:
            await begun(stream)
        os.kill(doomed.pid, signal.SIGSEGV)
        ends = await asyncio.gather(*(drain(stream) for stream in streams), return_exceptions=True)
        return ends, [*before, *[event async for event in elsewhere]]

    ends, events = drive(run())
    assert [type(end) for end in ends] == [ProviderCrashed] * 3
    assert len({id(end) for end in ends}) == 3, "each has a partial text of its own"
    assert finish_of(events).usage.output_tokens == 60


async def drain(stream):
    async for _ in stream:
        pass


def test_an_exit_is_a_crash_too(doomed, work):
    async def run():
        stream = doomed.chat(work(STORY, max_tokens=900))
        await begun(stream)
        doomed._child.sock.shutdown(socket.SHUT_WR)  # as if this process were gone: the child leaves
        await drain(stream)

    with pytest.raises(ProviderCrashed, match="ended with exit code 0"):
        drive(run())


def test_a_crash_between_two_requests_is_noticed(doomed, work):
    drive(read(doomed, work("Say hello.", max_tokens=2)))
    assert not doomed.crashed
    os.kill(doomed.pid, signal.SIGSEGV)
    assert gone(doomed.pid)
    assert doomed.crashed
    with pytest.raises(ProviderCrashed, match="SIGSEGV"):
        drive(read(doomed, work("Say hello.", max_tokens=2)))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_while_loading_is_the_fault_of_the_file(header, monkeypatch, number):
    children = recorded(monkeypatch)

    def kill():
        while not children:
            pass
        while b"xllamacpp" not in maps(children[0].pid):
            pass
        os.kill(children[0].pid, number)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ModelNotUsable) as caught:
        IsolatedEngine("xllamacpp", header, PLAN)
    killer.join()
    assert header.path in caught.value.message
    assert signal.Signals(number).name in caught.value.message
    assert not caught.value.retryable


def maps(pid):
    with open(f"/proc/{pid}/maps", "rb") as file:
        return file.read()


def test_a_child_that_cannot_begin_says_why(header, monkeypatch, tmp_path):
    python = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ProviderUnavailable, match="no process can be started") as missing:
        IsolatedEngine("xllamacpp", header, PLAN)
    python.write_text("#!/bin/sh\necho no module named asyncio >&2\nexit 3")
    python.chmod(0o755)
    with pytest.raises(ProviderUnavailable, match=r"ended with exit code 3 \(no module named asyncio\)") as broken:
        IsolatedEngine("xllamacpp", header, PLAN)
    for error in (missing.value, broken.value):
        assert header.path in error.message
        assert not error.retryable


@pytest.mark.parametrize("kind", ["bytes", "an event", "an error", "a length"])
def test_damage_from_the_child_is_a_crash(doomed, work, kind):
    damage = {
        "bytes": wire.framed(b"\xc1\xff"),
        "an event": wire.framed(wire.pack((1, "TextDelta", {"text": 5}))),
        "an error": wire.framed(wire.pack((1, wire.ERROR, ("SystemExit", {})))),
        "a length": b"\xff\xff\xff\xff",
    }

    async def run():
        stream = doomed.chat(work(STORY, max_tokens=900))
        await begun(stream)
        doomed._channel._in += damage[kind]
        await drain(stream)

    with pytest.raises(ProviderCrashed):
        drive(run())
    assert gone(doomed.pid)


def test_unloading_ends_the_process_and_its_chats(doomed, work):
    async def run():
        stream = doomed.chat(work(STORY, max_tokens=900))
        await begun(stream)
        await asyncio.to_thread(doomed.close)
        await drain(stream)

    with pytest.raises(ProviderError, match="was unloaded"):
        drive(run())
    assert gone(doomed.pid)


# ── what the child shares with this process ───────────────────────────────────────────────────────────────────────


def test_what_the_child_writes_is_said_with_its_death_and_not_before(doomed, work, capfd):
    async def run():
        stream = doomed.chat(work(STORY, max_tokens=900))
        await begun(stream)
        for number in (1, 2):
            with open(f"/proc/{doomed.pid}/fd/{number}", "w") as file:
                file.seek(0, os.SEEK_END)
                file.write("noise\n")
        with open(f"/proc/{doomed.pid}/fd/2", "w") as file:
            file.seek(0, os.SEEK_END)
            file.write("ops.cpp:77: GGML_ASSERT(a != b) failed\n")
        os.kill(doomed.pid, signal.SIGABRT)
        await drain(stream)

    with pytest.raises(ProviderCrashed, match=r"died of SIGABRT \(ops.cpp:77: GGML_ASSERT\(a != b\) failed\)"):
        drive(run())
    assert capfd.readouterr() == ("", "")


def test_the_child_has_none_of_our_descriptors(header, tmp_path):
    with open(tmp_path / "mine", "w") as file, socket.create_server(("127.0.0.1", 0)) as server:
        for opened in (file, server):
            os.set_inheritable(opened.fileno(), True)
        ours = os.readlink(f"/proc/self/fd/{server.fileno()}")
        child = spawning.ChildProcess()
        child.sock.sendall(wire.order(wire.Load("xllamacpp", header, PLAN)))
        wire.receive(child.sock)
        theirs = {os.readlink(f"/proc/{child.pid}/fd/{number}") for number in os.listdir(f"/proc/{child.pid}/fd")}
        child.kill()
        child.forget()
    assert str(tmp_path / "mine") not in theirs
    assert ours not in theirs
    assert "/dev/null" in theirs


def test_a_module_in_the_working_directory_is_not_imported(header, tmp_path, monkeypatch):
    for name in ("asyncio.py", "xllamacpp.py", "llmspell_gguf.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", os.getcwd())])
    IsolatedEngine("xllamacpp", header, PLAN).close()


def test_an_interrupt_does_not_kill_the_child(header, monkeypatch, work):
    kind = spawning.ChildProcess

    def interrupted():
        child = kind()
        os.kill(child.pid, signal.SIGINT)  # before it could say that it ignores them
        return child

    monkeypatch.setattr("llmspell_gguf.isolated.ChildProcess", interrupted)
    made = IsolatedEngine("xllamacpp", header, PLAN)

    async def run():
        stream = made.chat(work(STORY, max_tokens=30))
        events = [await begun(stream)]
        os.kill(made.pid, signal.SIGINT)
        return [*events, *[event async for event in stream]]

    assert finish_of(drive(run())).usage.output_tokens == 30
    made.close()


ORPHAN = """
import asyncio, sys
from llmspell import ChatEvent, ChatRequest, Message, ModelRef
from llmspell_gguf import engine, metadata, spawning
from llmspell_gguf.isolated import IsolatedEngine
from llmspell_gguf.sizing import Plan

start = spawning.ChildProcess.__init__
def begin(self):
    start(self)
    print(self.pid, flush=True)
spawning.ChildProcess.__init__ = begin

async def run():
    loaded = IsolatedEngine("xllamacpp", metadata.read(sys.argv[1]), Plan(1024, 8, 1, ""))
    request = ChatRequest(None, (Message("user", "Tell me a long story."),))
    async for event in loaded.chat(engine.Work(request, "m", {"max_tokens": 900})):
        print("text", flush=True)
asyncio.run(run())
"""


@pytest.mark.parametrize("when", ["loading", "decoding"])
def test_the_child_ends_when_its_parent_is_killed(model_file, when):
    with subprocess.Popen([sys.executable, "-c", ORPHAN, str(model_file)], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        if when == "decoding":
            assert parent.stdout.readline() == b"text\n"
        parent.kill()
        assert gone(child)
