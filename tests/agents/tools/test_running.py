"""Running one tool: anybody's function, of which comes a plain value or one typed error."""

import asyncio
import contextvars
import enum
import threading
from datetime import date

import pytest

from llmspell import Tool
from llmspell.agents.tools import running
from llmspell.errors import SandboxError, Timeout, ToolError

EMPTY = {"type": "object", "properties": {}}


def run(function, timeout=None, arguments=None, context=None):
    tool = Tool("probe", "Probes.", EMPTY, function)
    return asyncio.run(running.run(tool, arguments or {}, context, timeout))


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_a_function_gets_arguments_and_context():
    assert run(lambda arguments, context: [arguments, context], arguments={"a": 1}, context="c") == [{"a": 1}, "c"]


def test_a_coroutine_function_runs_on_the_loop_and_a_plain_one_beside_it():
    async def on_the_loop(arguments, context):
        return threading.get_ident()

    assert run(on_the_loop) == threading.get_ident()
    assert run(lambda arguments, context: threading.get_ident()) != threading.get_ident()


def test_a_plain_function_may_give_a_coroutine():
    async def later():
        return 5

    assert run(lambda arguments, context: later()) == 5


def test_an_object_that_is_called_may_be_async():
    class Async:
        async def __call__(self, arguments, context):
            return threading.get_ident()

    assert run(Async()) == threading.get_ident()


def test_context_variables_are_seen_in_the_thread():
    who = contextvars.ContextVar("who")
    who.set("me")
    assert run(lambda arguments, context: who.get()) == "me"


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        (None, None),
        ((1, [2.5, True]), [1, [2.5, True]]),
        ({1: "a", "b": (), None.__class__.__name__: None}, {"1": "a", "b": [], "NoneType": None}),
        (Colour.RED, "red"),
        ([Level.HIGH], [3]),
        ({}, {}),
    ],
)
def test_results_become_plain_values(returned, value):
    given = run(lambda arguments, context: returned)
    assert given == value and type(given) is type(value)
    if isinstance(given, list) and given:
        assert type(given[0]) is type(value[0])


def cycle():
    one = {"name": "x"}
    one["self"] = one
    return one


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (print, "a function"),
        ({"f": lambda: None}, "a function"),
        (cycle(), "contains itself"),
        (date(2020, 1, 1), "type date"),
        (b"bytes", "type bytes"),
        ({1, 2}, "type set"),
        (object(), "type object"),
        ({(1, 2): 3}, "key of type tuple"),
        ([[0] * 1001] * 1000, "more than 1000000 values"),
        pytest.param(10**5000, "too long to be written", id="digits"),
    ],
)
def test_what_is_no_plain_value_is_an_error_that_says_what_it_was(returned, told):
    with pytest.raises(ToolError, match=f"the tool 'probe' returned .*{told}") as caught:
        run(lambda arguments, context: returned)
    assert caught.value.tool == "probe" and caught.value.hint


def test_what_it_raises_is_kept_as_the_cause():
    def fail(arguments, context):
        return {}["missing"]

    with pytest.raises(ToolError, match="the tool 'probe' failed: KeyError: 'missing'") as caught:
        run(fail)
    assert isinstance(caught.value.__cause__, KeyError) and caught.value.tool == "probe"


def test_typed_errors_pass_as_they_are():
    def denied(arguments, context):
        raise SandboxError("no", hint="allow it")

    def failed(arguments, context):
        raise ToolError("no such row")

    with pytest.raises(SandboxError, match="no"):
        run(denied)
    with pytest.raises(ToolError, match="no such row") as caught:
        run(failed)
    assert caught.value.tool == "probe"


@pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt(), StopIteration(1)])
def test_nothing_that_a_tool_raises_ends_the_program(leaving):
    def plain(arguments, context):
        raise leaving

    async def waiting(arguments, context):
        raise leaving

    for function in (plain, waiting):
        with pytest.raises(ToolError, match="failed"):
            run(function)


def test_a_tool_that_cancels_itself_has_failed():
    async def cancelled(arguments, context):
        raise asyncio.CancelledError

    with pytest.raises(ToolError, match="was cancelled"):
        run(cancelled)


def test_a_coroutine_that_takes_too_long_is_cancelled():
    stopped = []

    async def never(arguments, context):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    with pytest.raises(Timeout, match=r"the tool 'probe' took longer than 0\.01 s"):
        run(never, 0.01)
    assert stopped == [True]


def test_its_own_timeout_is_told_from_ours():
    async def own(arguments, context):
        raise asyncio.TimeoutError("of a library")

    with pytest.raises(ToolError, match="failed: TimeoutError"):
        run(own, 5)


def test_a_thread_that_takes_too_long_is_left_behind():
    go_on, ended = threading.Event(), threading.Event()

    def slow(arguments, context):
        go_on.wait()
        ended.set()
        return 1

    with pytest.raises(Timeout):
        run(slow, 0.01)
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(5)


def test_threads_that_are_stuck_take_no_place_from_others():
    go_on = threading.Event()
    stuck = Tool("stuck", "Is stuck.", EMPTY, lambda arguments, context: go_on.wait())
    quick = Tool("quick", "Is quick.", EMPTY, lambda arguments, context: "here")

    async def many():
        jams = [running.run(stuck, {}, None, 0.01) for _ in range(2 * running.THREADS)]
        assert all(isinstance(end, Timeout) for end in await asyncio.gather(*jams, return_exceptions=True))
        return await running.run(quick, {}, None, 5)

    assert asyncio.run(many()) == "here"
    go_on.set()


def test_no_more_threads_than_a_few_run_at_once():
    now, most, lock = 0, 0, threading.Lock()

    def work(arguments, context):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1

    async def many():
        tool = Tool("work", "Works.", EMPTY, work)
        await asyncio.gather(*(running.run(tool, {}, None, 5) for _ in range(300)))

    asyncio.run(many())
    assert 1 <= most <= running.THREADS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "done"),
        ({"größe": [1, None]}, '{"größe": [1, null]}'),
        ("\udcff", "?"),
        (3.0, "3.0"),
    ],
)
def test_a_value_as_a_model_reads_it(value, text):
    assert running.as_text(value) == text
