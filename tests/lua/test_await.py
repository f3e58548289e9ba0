"""Awaits pass through whatever Lua lets them pass through, and say so where it doesn't."""

import pytest


async def echo(*values):
    return values[0] if len(values) == 1 else list(values)


async def fail(kind="broken"):
    raise ValueError(kind)


OPS = {"echo": echo, "fail": fail}

PLACES = {
    "the main chunk": "print(Test.echo('x'))",
    "one coroutine": "print(coroutine.wrap(function() return Test.echo('x') end)())",
    "three coroutines": "local w = coroutine.wrap print(w(function() return w(function() return w(function() "
    "return Test.echo('x') end)() end)() end)())",
    "five coroutines": """
        local function down(n)
          if n == 0 then return Test.echo('x') end
          local co = coroutine.create(down)
          return select(2, coroutine.resume(co, n - 1))
        end
        print(down(5))""",
    "a for-in iterator": """
        local function each() local n = 0 return function() n = n + 1 if n < 2 then return Test.echo('x') end end end
        for value in each() do print(value) end""",
    "a coroutine as iterator": """
        for value in coroutine.wrap(function() coroutine.yield(Test.echo('x')) end) do print(value) end""",
    "__index": "print(setmetatable({}, { __index = function(_, k) return Test.echo(k) end }).x)",
    "__newindex": "setmetatable({}, { __newindex = function(_, k) print(Test.echo(k)) end }).x = 1",
    "__add": "print(setmetatable({}, { __add = function(_, k) return Test.echo(k) end }) + 'x')",
    "__concat": "print(setmetatable({}, { __concat = function(_, k) return Test.echo(k) end }) .. 'x')",
    "__eq": "local m = { __eq = function() print(Test.echo('x')) end } "
    "local same = setmetatable({}, m) == setmetatable({}, m)",
    "__lt": "local m = { __lt = function() print(Test.echo('x')) end } "
    "local less = setmetatable({}, m) < setmetatable({}, m)",
    "__len": "print(#setmetatable({}, { __len = function() return Test.echo('x') end }))",
    "__call": "print(setmetatable({}, { __call = function(_, k) return Test.echo(k) end })('x'))",
    "__pairs": """
        local t = setmetatable({}, { __pairs = function() Test.echo(1) return next, { x = 1 }, nil end })
        for k in pairs(t) do print(k) end""",
    "__close": """
        do local c <close> = setmetatable({}, { __close = function() print(Test.echo('x')) end }) end""",
    "__tostring through tostring": "print(tostring(setmetatable({}, { __tostring = function() "
    "return Test.echo('x') end })))",
    "pcall": "print(select(2, pcall(Test.echo, 'x')))",
    "xpcall": "print(select(2, xpcall(Test.echo, print, 'x')))",
    "a comparator of table.sort": """
        local t = { 1, 2 } table.sort(t, function(a, b) return Test.echo(a > b) end) print(t[1] == 2 and 'x')""",
    "a module that is loaded": "package.preload.m = function() return Test.echo('x') end print((require('m')))",
    "a chunk from load": "print(load('return Test.echo(...)')('x'))",
}


@pytest.mark.parametrize("place", PLACES)
def test_an_await_passes_through(prints, place):
    assert prints(PLACES[place], ops=OPS) == ["x"]


C_PLACES = {
    "a string.gsub callback": "string.gsub('x', 'x', function() return Test.echo('x') end)",
    "a coroutine that string.gsub runs": "string.gsub('x', 'x', coroutine.wrap(function() Test.echo('x') end))",
    "a sleep in a string.gsub callback": "string.gsub('x', 'x', function() sleep(0) end)",
    "a join in a string.gsub callback": "local t = Task.spawn(sleep, 0) string.gsub('x', 'x', function() t:wait() end)",
    "a join in a coroutine that string.gsub runs": "local t = Task.spawn(sleep, 0) "
    "string.gsub('x', 'x', coroutine.wrap(function() t:wait() end))",
    "__tostring called by string.format": "string.format('%s', setmetatable({}, "
    "{ __tostring = function() return Test.echo('x') end }))",
    "__lt called by a plain sort": "local m = { __lt = function() return string.gsub('x', 'x', function() "
    "return Test.echo('x') end) end } table.sort { setmetatable({}, m), setmetatable({}, m) }",
    "a reader of load": "assert(load(function() return Test.echo('return 1') end))",
    "parallel in string.gsub": "string.gsub('x', 'x', function() parallel { function() end } end)",
}


@pytest.mark.parametrize("place", C_PLACES)
def test_an_await_below_a_c_function_is_refused(prints, place):
    source = f"""
        local ok, e = pcall(function() {C_PLACES[place]} end)
        print(ok, type(e) == 'table' and e.type or e)
        print(Test.echo('usable'))
    """
    assert prints(source, ops=OPS) == ["false\tawait_error", "usable"]


def test_a_failed_op_raises_a_table_that_is_a_text_too(prints):
    source = """
        local ok, e = pcall(function()
          Test.fail("no luck")
        end)
        print(ok, type(e), e.type, e.message)
        print(tostring(e))
        print("caught: " .. e)
        print(e:find("luck") ~= nil, e:upper():sub(1, 4))
        print(e.retryable, e.traceback)
    """
    assert prints(source, ops=OPS) == [
        "false\ttable\tinternal_error\t'test.fail' failed with ValueError: no luck",
        "main.lua:3: 'test.fail' failed with ValueError: no luck",
        "caught: main.lua:3: 'test.fail' failed with ValueError: no luck",
        "true\tMAIN",
        "false\tmain.lua:3: in function <main.lua:2>",
        "main.lua:2: in main chunk",
    ]


def test_an_error_of_an_op_deep_in_coroutines_is_shown_with_every_frame(run):
    source = (
        "local function ask() Test.fail() end\n"
        "local function inner() ask() end\n"
        "local function outer()\n"
        "  coroutine.wrap(inner)()\n"
        "end\n"
        "coroutine.wrap(outer)()\n"
    )
    result = run(source, ops=OPS)
    assert result.code == 1
    shown = [line.strip() for line in result.err.splitlines()]
    assert shown[0].startswith("main.lua:1: 'test.fail' failed with ValueError")
    positions = [line.split(" in ")[0] for line in shown if line.startswith("main.lua") and " in " in line]
    assert positions == ["main.lua:1:", "main.lua:2:", "main.lua:4:", "main.lua:6:"]


def test_a_coroutine_that_waits_belongs_to_its_task(prints):
    source = """
        local co = coroutine.create(function() Test.echo(1) return "end" end)
        local other = Task.spawn(function()
          print(coroutine.status(co), coroutine.resume(co))
          print(pcall(coroutine.close, co))
        end)
        print(coroutine.resume(co))
        other:wait()
        print(coroutine.status(co))
    """
    assert prints(source, ops=OPS) == [
        "normal\tfalse\tcannot resume non-suspended coroutine",
        "false\tcannot close a normal coroutine",
        "true\tend",
        "dead",
    ]


def test_the_root_of_a_task_is_not_a_coroutine_of_the_script(prints):
    source = """
        print(select(2, coroutine.running()), coroutine.isyieldable())
        print(pcall(coroutine.yield, 1))
        print(coroutine.resume((coroutine.running())))
        print(pcall(coroutine.close, (coroutine.running())))
        local root = coroutine.running()
        print(Task.spawn(function() return coroutine.resume(root) end):wait())
    """
    assert prints(source) == [
        "true\tfalse",
        "false\tattempt to yield from outside a coroutine",
        "false\tcannot resume a task",
        "false\tcannot close a normal coroutine",
        "false\tcannot resume a task",
    ]


def test_yields_and_awaits_mix(prints):
    source = """
        local gen = coroutine.wrap(function(first)
          local got = first
          for i = 1, 3 do
            Test.echo(i)
            got = coroutine.yield(i .. got)
            Test.echo(i)
          end
          return "end"
        end)
        print(gen("a"), gen("b"), gen("c"), gen("d"))
    """
    assert prints(source, ops=OPS) == ["1a\t2b\t3c\tend"]


def test_values_come_back_whole(prints):
    source = """
        local t = Test.echo({ 1, "two", { three = 3.5 }, true }, "x")
        print(t[1][1], t[1][2], t[1][3].three, t[1][4], t[2])
        print(Test.echo(nil), Test.echo(false), Test.echo(1 << 62), Test.echo("\\0\\255"):byte(1, -1))
    """
    assert prints(source, ops=OPS) == ["1\ttwo\t3.5\ttrue\tx", "nil\tfalse\t4611686018427387904\t0\t255"]


def test_a_hundred_thousand_awaits_and_tasks_leave_nothing(run):
    source = """
        local function round(n)
          for i = 1, n do Test.none() end
          for i = 1, n // 10 do Task.spawn(function() Test.none() end):wait() end
          for i = 1, n // 10 do pcall(Test.fail) end
          for i = 1, n // 10 do coroutine.wrap(function() Test.none() end)() end
          for i = 1, 100 do local t = Task.spawn(sleep, 1000) sleep(0) t:cancel() end
          parallel({ 1, 2, 3 }, function() Test.none() end)
        end
        round(1000)
        collectgarbage() collectgarbage()
        local before = collectgarbage("count")
        round(50000)
        collectgarbage() collectgarbage()
        print(collectgarbage("count") - before < 50)
    """

    def none():
        return None

    none.waits = True
    assert run(source, ops={**OPS, "none": none}).out == "true\n"
