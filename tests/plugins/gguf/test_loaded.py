"""What is in memory: loaded once, within a budget, replaced after a crash, given back by name. On the real model."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest

from llmspell.errors import ModelError, ModelNotUsable, ProviderCrashed
from llmspell.testing import drive
from llmspell.testing.streams import finish_of, text_of
from llmspell_gguf import engine, holders, memory, metadata
from llmspell_gguf.engine import Work
from llmspell_gguf.loaded import Engines
from llmspell_gguf.sizing import Plan

STORY = "Tell me a long story about a lighthouse keeper and the sea."
SETTINGS = {"engine": "xllamacpp", "threads": 1, "context_length": 256, "parallel": 4}
ONE_MODEL = 150_000_000
"""Bytes that hold one of the models here and not two."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@pytest.fixture
def copies(model_file, tmp_path):
    """Paths of three files of their own, each the real model."""
    paths = [tmp_path / f"{name}.gguf" for name in ("one", "two", "three")]
    for path in paths:
        try:
            os.link(model_file, path)
        except OSError:  # another file system
            shutil.copy(model_file, path)
    return [str(path) for path in paths]


@pytest.fixture
def engines():
    """Make engines: ``engines(memory_bytes, isolation="process")``."""
    made = []

    def make(memory_bytes=None, **settings):
        made.append(Engines({**SETTINGS, **settings}, memory_bytes))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def starts(monkeypatch):
    """What is loaded in this process from now on: (path, whether it embeds)."""
    started, load = [], engine.load

    def recorded(name, metadata, plan):
        started.append((metadata.path, plan.embedding))
        return load(name, metadata, plan)

    monkeypatch.setattr(engine, "load", recorded)
    return started


@pytest.fixture
def work(ask):
    def make(text="Say hello.", **options):
        request = ask(text, **options)
        return Work(request, "m", dict(request.options))

    return make


async def answer(engines, path, work):
    async with engines.use(path) as loaded, contextlib.aclosing(loaded.engine.chat(work)) as events:
        return [event async for event in events]


@contextlib.asynccontextmanager
async def answering(engines, path, work):
    """A chat that has begun; what comes is its further events."""
    async with engines.use(path) as loaded, contextlib.aclosing(loaded.engine.chat(work)) as events:
        await anext(events)
        yield events


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


def ids(engines):
    return [model.id for model in engines.loaded()]


# ── once ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_loaded_once_for_each_purpose(engines, starts, copies, work):
    one, link = copies[0], copies[0].replace("one", "link")
    os.symlink(one, link)
    these = engines()

    async def at_once():
        return await asyncio.gather(*(these.get(path, purpose) for path in (one, link) for purpose in PURPOSES * 2))

    found = drive(at_once())
    assert sorted(starts) == [(one, False), (one, True)]
    assert len(set(map(id, found))) == 2
    assert drive(these.get(one, "embedding")).plan.embedding
    assert ids(these) == [one, one]
    assert len(drive(embedded(these, one, ["a", "b"])).vectors) == 2


PURPOSES = ["chat", "embedding"]


async def embedded(engines, path, texts):
    async with engines.use(path, "embedding") as loaded:
        return await loaded.engine.embed(texts)


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_is_loaded_is_described(engines, copies, isolation):
    these = engines(isolation=isolation)
    drive(these.load(copies[0], "chat", "small:1b"))
    (model,) = these.loaded()
    assert model.id == "small:1b"
    assert model.context_length == 256
    assert model.memory_bytes == os.path.getsize(copies[0]) + 256 * metadata.read(copies[0]).cache_bytes_per_token
    assert model.engine.startswith("xllamacpp 20")
    assert (model.pid == os.getpid()) == (isolation == "none")
    assert these.holds(copies[0])
    assert not these.holds(copies[1])


def test_another_process_sees_it(engines, copies):
    these = engines(isolation="process")
    drive(these.load(copies[0], "chat", "small:1b"))

    def seen():
        code = "from llmspell_gguf import holders; print([(m.id, m.pid) for m in holders.others()])"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert seen() == str([("small:1b", these.loaded()[0].pid)])
    assert holders.others() == []
    these.unload(copies[0])
    assert seen() == "[]"


def test_a_load_that_failed_is_tried_again(engines, copies, work):
    os.rename(copies[0], copies[0] + ".away")
    these = engines()
    with pytest.raises(ModelNotUsable, match="no such file"):
        drive(answer(these, copies[0], work()))
    assert these.loaded() == []
    os.rename(copies[0] + ".away", copies[0])
    assert finish_of(drive(answer(these, copies[0], work(max_tokens=2))))


# ── the budget ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_used_least_recently_goes_before_the_next_is_loaded(engines, copies, monkeypatch):
    here, load = [], engine.load
    these = engines(2 * ONE_MODEL)

    def watched(*arguments):
        here.append(ids(these))
        return load(*arguments)

    monkeypatch.setattr(engine, "load", watched)
    one, two, three = copies
    for path in (one, two, one, three):
        drive(these.get(path))
    assert here == [[], [one], [one]]
    assert ids(these) == [one, three]


def test_two_loads_at_one_time_count_each_other(engines, copies):
    these = engines(ONE_MODEL)
    drive(these.get(copies[0]))

    async def at_once():
        await asyncio.gather(these.get(copies[1]), these.get(copies[2]))

    drive(at_once())
    assert copies[0] not in ids(these)


def test_what_answers_stays_and_goes_when_it_has_answered(engines, copies, work):
    these = engines(ONE_MODEL)

    async def run():
        async with answering(these, copies[0], work(STORY, max_tokens=40)) as events:
            await these.get(copies[1])
            assert ids(these) == copies[:2]
            rest = [event async for event in events]
        await until(lambda: ids(these) == [copies[1]])
        return rest

    assert finish_of(drive(run())).usage.output_tokens == 40


def test_a_model_larger_than_the_budget_is_loaded_alone(engines, copies, work):
    these = engines(1)
    for path in copies[:2]:
        assert finish_of(drive(answer(these, path, work(max_tokens=2))))
        assert ids(these) == [path]


def test_no_setting_means_three_quarters_of_the_memory(engines):
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.budget() <= physical * 3 // 4
    assert engines()._memory_bytes == memory.budget()


@pytest.mark.parametrize(
    ("own", "files", "limits"),
    [
        ("0::/a/b\n", {"v2/a/memory.max": "3000\n", "v2/a/b/memory.max": "max\n"}, [3000]),
        ("0::/\n", {"v2/memory.max": "5000\n"}, [5000]),
        ("5:cpu:/x\n4:memory,io:/a\n", {"v1/a/memory.limit_in_bytes": "7000\n"}, [7000]),
        ("4:cpu:/a\n", {"v1/a/memory.limit_in_bytes": "7000\n"}, []),
        ("0::/a\n", {}, []),
    ],
)
def test_the_limits_of_a_container_count(tmp_path, own, files, limits):
    for name, text in {"own": own, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    mounts = (
        (str(tmp_path / "v2"), "", "memory.max"),
        (str(tmp_path / "v1"), "memory", "memory.limit_in_bytes"),
    )
    assert list(memory._group_limits(str(tmp_path / "own"), mounts)) == limits


def test_the_estimate_counts_the_context(model_file):
    found = metadata.read(str(model_file))
    small, large = (memory.estimate(found, Plan(length, 1, 1, "")) for length in (256, 512))
    assert large - small == 256 * found.cache_bytes_per_token
    assert small > found.size_bytes


# ── giving back ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_unload_gives_the_memory_back_once(engines, copies, work):
    these = engines()
    for purpose in PURPOSES:
        drive(these.get(copies[0], purpose))
    drive(these.get(copies[1]))
    assert these.unload(copies[0])
    assert ids(these) == [copies[1]]
    assert not these.unload(copies[0])
    assert not these.unload("/no/such.gguf")
    assert finish_of(drive(answer(these, copies[0], work(max_tokens=2))))


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_model_that_answers_is_not_unloaded(engines, copies, work, isolation):
    these = engines(isolation=isolation)

    async def run():
        async with answering(these, copies[0], work(STORY, max_tokens=60)) as events:
            with pytest.raises(ModelError, match="answers 1 request just now"):
                these.unload(copies[0])
            async with these.use(copies[0]):
                with pytest.raises(ModelError, match="answers 2 requests just now"):
                    these.unload(copies[0])
            return [event async for event in events]

    assert finish_of(drive(run())).usage.output_tokens == 60
    assert these.unload(copies[0])


def test_a_model_that_is_being_loaded_is_not_unloaded(engines, copies):
    these = engines()

    async def run():
        load = asyncio.ensure_future(these.get(copies[0]))
        await asyncio.sleep(0)
        with pytest.raises(ModelError, match="is being loaded"):
            these.unload(copies[0])
        await load

    drive(run())
    assert these.unload(copies[0])


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_file_removed_while_it_answers_answers_to_the_end_and_is_gone_then(engines, copies, work, isolation):
    these, story = engines(isolation=isolation), work(STORY, max_tokens=60)
    expected = text_of(drive(answer(these, copies[1], story)))

    async def run():
        async with answering(these, copies[0], story) as events:
            os.unlink(copies[0])
            these.forget(copies[0])
            assert ids(these) == [copies[1]]
            with pytest.raises(ModelNotUsable, match="no such file"):
                await answer(these, copies[0], work())
            held = these._leaving[0].engine
            rest = [event async for event in events]
        await until(lambda: not these._leaving)
        return rest, held

    events, held = drive(run())
    assert finish_of(events).usage.output_tokens == 60
    assert expected.endswith(text_of(events))
    if isolation == "process":
        drive(until_crashed(held))


async def until_crashed(engine):
    await until(lambda: engine.crashed)


def test_a_file_removed_by_others_is_gone_at_the_next_call(engines, copies, work):
    these = engines()
    drive(answer(these, copies[0], work(max_tokens=2)))
    os.unlink(copies[0])
    with pytest.raises(ModelNotUsable, match="no such file"):
        drive(answer(these, copies[0], work()))
    assert these.loaded() == []


def test_a_file_that_was_replaced_is_another_model(engines, starts, copies, work, gguf_copy):
    these = engines()
    drive(answer(these, copies[0], work(max_tokens=2)))
    os.unlink(copies[0])
    shutil.copy(gguf_copy("other.gguf", {"general.name": "other"}), copies[0])
    drive(answer(these, copies[0], work(max_tokens=2)))
    assert len(starts) == 2
    assert ids(these) == [copies[0]]


def test_close_gives_back_what_is_in_use_too(engines, copies, work):
    these = engines(isolation="process")

    async def run():
        async with these.use(copies[0]) as loaded:
            await asyncio.to_thread(these.close)
            return loaded

    assert drive(run()).engine.crashed
    assert these.loaded() == []


# ── crashes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_the_call_after_a_crash_has_a_fresh_process(engines, copies, work, number):
    these = engines(isolation="process")
    drive(these.get(copies[1]))
    other = these.loaded()[0].pid

    async def crash():
        async with answering(these, copies[0], work(STORY, max_tokens=200)) as events:
            first = these.loaded()[-1].pid
            os.kill(first, number)
            with pytest.raises(ProviderCrashed):
                async for _ in events:
                    pass
        return first

    first = drive(crash())
    assert ids(these) == [copies[1]]
    assert finish_of(drive(answer(these, copies[0], work(max_tokens=3))))
    pids = [model.pid for model in these.loaded()]
    assert pids[0] == other, "the other model was not touched"
    assert pids[1] not in (first, other)


def test_many_that_call_after_a_crash_share_one_fresh_process(engines, copies, work):
    these = engines(isolation="process")
    drive(these.get(copies[0]))
    first = these.loaded()[0].pid
    os.kill(first, signal.SIGSEGV)

    async def run():
        await until(lambda: not these.loaded())
        return await asyncio.gather(*(answer(these, copies[0], work(max_tokens=3)) for _ in range(4)))

    assert all(finish_of(events) for events in drive(run()))
    (model,) = these.loaded()
    assert model.pid != first
