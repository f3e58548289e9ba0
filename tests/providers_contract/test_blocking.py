"""A blocking generator as an async stream: nothing lost, nothing left running."""

import asyncio
import gc
import threading

import pytest

from llmspell.errors import ProviderError, RateLimited
from llmspell.models.names import parse
from llmspell.providers.blocking import BlockingProvider, in_thread, pushed_from_thread
from llmspell.providers.contract import ChatRequest, Finish, Message, Provider, TextDelta, Usage
from llmspell.testing import ProviderConformance


def engines():
    return [thread for thread in threading.enumerate() if thread.name == "llmspell-engine"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    for thread in engines():
        thread.join(10)
        assert not thread.is_alive()


class Gate:
    """Where an engine waits until the test lets it go on, and notes that it saw ``stop``."""

    def __init__(self):
        self.open = threading.Event()
        self.stopped = threading.Event()
        self.cleaned = threading.Event()

    def generate(self, stop):
        try:
            yield "first"
            while not stop.is_set() and not self.open.is_set():
                stop.wait(0.001)
            if stop.is_set():
                self.stopped.set()
            yield "last"
        finally:
            self.cleaned.set()


async def collect(stream, into=None):
    items = [] if into is None else into
    async for item in stream:
        items.append(item)
    return items


def test_everything_arrives_in_order():
    assert asyncio.run(collect(in_thread(lambda stop: iter(range(50_000))))) == list(range(50_000))


def test_many_streams_at_once():
    async def main():
        return await asyncio.gather(*(collect(in_thread(lambda stop, n=n: iter(range(n)))) for n in range(50)))

    assert [len(items) for items in asyncio.run(main())] == list(range(50))


def test_nothing_starts_before_it_is_read():
    async def main():
        stream = in_thread(lambda stop: iter("a"))
        assert engines() == []
        await stream.aclose()
        assert await collect(stream) == []

    asyncio.run(main())


def test_the_generator_runs_in_a_thread_of_its_own():
    seen = []

    def generate(stop):
        seen.append(threading.current_thread())
        yield 1

    asyncio.run(collect(in_thread(generate)))
    assert seen[0] is not threading.main_thread()
    assert seen[0].daemon  # a process that ends doesn't wait for it


@pytest.mark.parametrize("error", [RateLimited("slow"), ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_its_error_is_raised_after_its_items(error):
    def generate(stop):
        yield 1
        yield 2
        raise error

    async def main():
        seen = []
        try:
            await collect(in_thread(generate), seen)
        except BaseException as raised:  # noqa: BLE001 - the loop must not end on it before the test has looked
            return seen, raised

    assert asyncio.run(main()) == ([1, 2], error)


def test_an_error_before_the_first_item():
    def generate(stop):
        raise RateLimited("slow")

    with pytest.raises(RateLimited):
        asyncio.run(collect(in_thread(generate)))


def test_an_error_while_cleaning_up_is_not_lost():
    def generate(stop):
        try:
            yield 1
        finally:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        asyncio.run(collect(in_thread(generate)))


def test_closing_stops_the_engine_and_waits_for_it():
    gate = Gate()

    async def main():
        stream = in_thread(gate.generate)
        assert await stream.__anext__() == "first"
        await stream.aclose()
        assert gate.stopped.is_set()
        assert gate.cleaned.is_set()  # and that in its own thread, before the stream had ended

    asyncio.run(main())


def test_cancelling_stops_the_engine_and_waits_for_it():
    gate = Gate()

    async def main():
        seen = []
        reading = asyncio.ensure_future(collect(in_thread(gate.generate), seen))
        while not seen:
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
        assert reading.cancelled()
        assert gate.stopped.is_set()
        assert gate.cleaned.is_set()

    asyncio.run(main())


def test_a_second_cancellation_is_obeyed_at_once():
    deaf, release = threading.Event(), threading.Event()

    def generate(stop):
        yield "first"
        stop.wait()
        deaf.set()
        release.wait()  # an engine in a long computation

    async def main():
        seen = []
        reading = asyncio.ensure_future(collect(in_thread(generate), seen))
        while not seen:
            await asyncio.sleep(0)
        reading.cancel()
        while not deaf.is_set():
            await asyncio.sleep(0)
        assert not reading.done()
        reading.cancel()
        await asyncio.wait({reading})
        assert reading.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}  # no stray task goes on waiting

    asyncio.run(main())
    assert len(engines()) == 1
    release.set()  # it ends with its loop closed, and that must not print a traceback (the fixture joins it)


def test_a_loop_closed_below_a_running_engine():
    gate, problems = Gate(), []
    before, threading.excepthook = threading.excepthook, problems.append
    try:
        loop = asyncio.new_event_loop()
        stream = in_thread(gate.generate)
        loop.run_until_complete(stream.__anext__())
        loop.close()
        gate.open.set()
        gate.cleaned.wait()
        for thread in engines():
            thread.join()
    finally:
        threading.excepthook = before
    assert problems == []
    with pytest.raises(RuntimeError, match=r"[Ee]vent loop"):
        stream.aclose().send(None)


def test_a_stream_dropped_without_closing_stops_its_engine():
    gate = Gate()

    async def main():
        stream = in_thread(gate.generate)
        await stream.__anext__()
        del stream
        gc.collect()
        while not gate.cleaned.is_set():
            await asyncio.sleep(0)

    asyncio.run(main())
    assert gate.stopped.is_set()


def test_the_loop_goes_on_while_the_engine_computes():
    gate = Gate()

    async def main():
        reading = asyncio.ensure_future(collect(in_thread(gate.generate)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not reading.done()
        gate.open.set()
        assert await reading == ["first", "last"]

    asyncio.run(main())


def test_an_iterator_without_close_will_do():
    assert asyncio.run(collect(in_thread(lambda stop: map(str, range(3))))) == ["0", "1", "2"]


def test_no_thread_to_be_had(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(ProviderError, match="can't start new thread") as raised:
        asyncio.run(collect(in_thread(lambda stop: iter("a"))))
    assert raised.value.retryable


def test_an_engine_that_calls_back():
    def run(emit, stop):
        for n in range(3):
            emit(n)

    assert asyncio.run(collect(pushed_from_thread(run))) == [0, 1, 2]


class Counting(BlockingProvider):
    """A provider made of a blocking generator, as a plugin has it."""

    name = "counting"

    def generate(self, request, stop):
        for number in range(10):
            if stop.is_set():
                return
            yield TextDelta(f"{number} ")
        yield Finish("stop", "m", Usage(1, 10))


class TestCounting(ProviderConformance):
    supports = frozenset({"usage"})

    @pytest.fixture
    def provider(self):
        return Counting()

    @pytest.fixture
    def model(self):
        return "counting/m"

    def test_json_schema(self):
        pytest.skip("it looks at nothing in a request")

    test_tools = test_unknown_model = test_unknown_option = test_wrong_option_type = test_json_schema


def test_what_a_blocking_provider_can():
    class Embedding(BlockingProvider):
        async def embed(self, request):
            raise NotImplementedError

    class Asynchronous(BlockingProvider):
        def chat(self, request):
            return in_thread(lambda stop: iter(()))

    assert Counting.can("chat")
    assert Asynchronous.can("chat")
    assert not Embedding.can("chat")
    assert Embedding.can("embed")
    assert not BlockingProvider.can("chat")
    assert not Provider.can("chat")


def test_each_chat_gets_its_request():
    class Echo(BlockingProvider):
        def generate(self, request, stop):
            yield TextDelta(request.messages[0].content)

    async def main():
        requests = [ChatRequest(parse("m"), (Message("user", text),)) for text in "abc"]
        return await asyncio.gather(*(collect(Echo().chat(request)) for request in requests))

    assert asyncio.run(main()) == [[TextDelta(text)] for text in "abc"]
