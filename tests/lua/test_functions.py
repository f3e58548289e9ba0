"""Python calls functions of a script while an op is under way."""

import asyncio

import pytest

from llmspell.config import load
from llmspell.lua.driver import Driver
from llmspell.lua.functions import FunctionFailed
from llmspell.lua.journal import Replay
from llmspell.lua.runner import Run
from llmspell.lua.session import Session
from llmspell.lua.vm import Vm
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import LuaModule

SOURCE = """
local Test = {}
local kept = {}
function Test.call(fn, ...)
  kept[#kept + 1] = fn
  return await("test.call", number_function(fn), ...)
end
function Test.all(fn, count) return await("test.all", number_function(fn), count) end
function Test.number(fn) return number_function(fn) end
function Test.by_number(number) return await("test.call", number) end
function Test.hurried(fn) return await("test.hurried", number_function(fn)) end
function Test.never() return await("test.never") end
return Test
"""


class Caller:
    """A plugin whose ops call what scripts hand it."""

    def __init__(self):
        self.failures = []

    @hookimpl
    def llmspell_lua_modules(self, session):
        async def call(number, *arguments):
            try:
                return {"value": await session.functions.call(number, *arguments)}
            except FunctionFailed as error:
                self.failures.append(error)
                raise

        async def all_of(number, count):
            return await asyncio.gather(*(session.functions.call(number, i) for i in range(1, int(count) + 1)))

        async def hurried(number):
            try:
                await asyncio.wait_for(session.functions.call(number), 0.05)
            except asyncio.TimeoutError:
                return "too late"

        ops = {"test.call": call, "test.all": all_of, "test.hurried": hurried, "test.never": asyncio.Event().wait}
        return [LuaModule("Test", SOURCE, ops)]


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def script(folder, capfd, caller):
    """``script(source)`` gives the exit code, the lines on stdout and what is on stderr."""

    def script(source, journal=None, timeout=None):
        session = Session(load(), PluginHost({"caller": caller}, points=[]))
        capfd.readouterr()
        code = Run(session, journal=journal).execute(source.encode(), "main.lua", script="main.lua", timeout=timeout)
        out, err = capfd.readouterr()
        return code, out.splitlines(), err

    return script


def test_a_function_gets_plain_values_and_gives_one_back(script):
    code, out, err = script("""
      local got = Test.call(function(a, b, c) return { sum = a + b, text = c.name } end, 1, 2, { name = "x" })
      print(got.value.sum, got.value.text)
    """)
    assert (code, out, err) == (0, ["3\tx"], "")


def test_a_function_that_gives_nothing_gives_nil(script):
    assert script("print(Test.call(function() end).value)")[1] == ["nil"]


def test_a_function_may_wait_and_be_called_again_meanwhile(script):
    code, out, err = script("""
      local got = Test.all(function(i) sleep(0.03 - i * 0.01) print("end", i) return i * i end, 3)
      print(table.concat(got, " "))
    """)
    assert (code, out, err) == (0, ["end\t3", "end\t2", "end\t1", "1 4 9"], "")


def test_a_function_may_call_what_calls_functions(script):
    code, out, err = script(
        """
      local function deeper(n) return n == 0 and 0 or 1 + Test.call(deeper, n - 1).value end
      print(Test.call(deeper, 5).value)
    """.replace("local function deeper", "function deeper")
    )
    assert (code, out, err) == (0, ["5"], "")


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("error('no luck')", "script_error", "main.lua:1: no luck"),
        ("error({ type = 'rate_limited', message = 'slow down', retryable = true })", "rate_limited", "slow down"),
        ("error(7)", "script_error", "7"),
        ("local x = nil; x.y = 1", "script_error", "attempt to index a nil value (local 'x')"),
        ("return print", "conversion_error", "a function can't leave Lua"),
        ("local t = {}; t.t = t; return t", "conversion_error", "contains itself"),
        ("error({ message = 'odd', print })", "script_error", "odd"),
    ],
)
def test_what_goes_wrong_is_raised_to_who_called(script, caller, body, kind, message):
    code, out, err = script(f"print(pcall(Test.call, function() {body} end))")
    assert (code, err) == (0, "")
    assert out[0].startswith("false")
    assert caller.failures[0].type == kind
    assert message in caller.failures[0].message


def test_a_plain_value_that_was_raised_is_kept(script, caller):
    script("print(pcall(Test.call, function() error({ code = 5 }) end))")
    assert caller.failures[0].value == {"code": 5}


def test_cancelling_the_call_cancels_the_function_where_it_waits(script):
    code, out, err = script("""
      print(Test.hurried(function()
        local guard <close> = setmetatable({}, { __close = function() print("closed") end })
        sleep(30)
        print("never")
      end))
    """)
    assert (code, err) == (0, "")
    assert sorted(out) == ["closed", "too late"]


def test_a_script_ends_when_its_own_tasks_have_ended(script):
    assert script("Test.call(function() end) print('end')") == (0, ["end"], "")


def test_a_deadlock_is_still_seen(script):
    code, _, err = script("""
      Test.call(function() end)
      local a, b
      a = Task.spawn(function() b:wait() end)
      b = Task.spawn(function() a:wait() end)
      a:wait()
    """)
    assert code == 1
    assert "3 tasks wait" in err


def test_a_function_that_nobody_keeps_is_said_to_be_gone(script, caller):
    code, out, _ = script("""
      local number = Test.number(function() end)
      collectgarbage()
      print(pcall(Test.by_number, number))
    """)
    assert (code, out) == (0, ["false\tmain.lua:4: the script has let go of the function"])


def test_a_recorded_run_is_replayed_without_python_calling_anything(script):
    source = "print(Test.call(function(a) print(a) sleep(0.01) return a + os.time() end, 1).value)"
    journal = []
    _, out, _ = script(source, journal)
    shown = []
    replay = Replay(journal, lambda op, args: shown.append(args) if op == "io.write" else None)
    driver = Driver(None, replay)
    driver.vm = Vm(driver.call)
    driver.vm.load_module("Test", SOURCE)
    driver.vm.load(source.encode(), "main.lua")
    driver.run()
    assert "".join(text for _, text in shown).splitlines() == out


def test_the_functions_of_a_run_that_was_stopped_do_not_hold_it_up(script):
    code, _, err = script("Test.call(function() Test.never() end)", timeout=0.2)
    assert code == 124
    assert "longer than 0.2 s" in err
