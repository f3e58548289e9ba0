"""A cancelled task stops where it waits; nothing in it can prevent that, and what it holds is closed."""

import pytest


async def forever():
    import asyncio

    await asyncio.get_running_loop().create_future()


async def echo(value=None):
    return value


OPS = {"forever": forever, "echo": echo}

CLOSER = """
    local function closer(name)
      return setmetatable({}, { __close = function(_, e) print("closed " .. name, e == nil) end })
    end
"""


def test_cancelling_a_task_in_each_state(prints):
    source = """
        local fresh = Task.spawn(print, "never")
        print(fresh:cancel(), fresh.status)
        local waits = Task.spawn(Test.forever)
        local joins = Task.spawn(function() waits:wait() end)
        local done = Task.spawn(function() return 1 end)
        sleep(0)
        print(fresh.status, fresh:cancel())
        print(joins:cancel(), waits:cancel(), done:cancel())
        sleep(0)
        print(joins.status, waits.status, done.status, waits:cancel())
        local me
        me = Task.spawn(function() print(pcall(me.cancel, me)) print("never") end)
        sleep(0)
        print(me.status)
        local ok, e = pcall(waits.wait, waits)
        print(ok, e.type, e.message)
    """
    assert prints(source, ops=OPS) == [
        "true\tready",
        "cancelled\tfalse",
        "true\ttrue\tfalse",
        "cancelled\tcancelled\tdone\tfalse",
        "cancelled",
        "false\tcancelled\tthe task was cancelled",
    ]


SWALLOWERS = {
    "pcall": "pcall(wait) print('swallowed')",
    "a loop of pcalls": "while true do pcall(wait) end",
    "pcall in pcall": "pcall(pcall, wait) print('swallowed')",
    "xpcall": "xpcall(wait, function() print('handler') return 1 end) print('swallowed')",
    "coroutine.resume": "coroutine.resume(coroutine.create(wait)) print('swallowed')",
    "coroutine.wrap and pcall": "pcall(coroutine.wrap(wait)) print('swallowed')",
    "coroutine.close": """
        local co = coroutine.create(function()
          local c <close> = setmetatable({}, { __close = function() me:cancel() end })
          coroutine.yield()
        end)
        coroutine.resume(co)
        coroutine.close(co) print('swallowed')""",
    "an error while closing": """
        pcall(function()
          local c <close> = setmetatable({}, { __close = function() error('instead') end })
          wait()
        end)
        print('swallowed')""",
    "an error while closing a coroutine": """
        coroutine.resume(coroutine.create(function()
          local c <close> = setmetatable({}, { __close = function() error('instead') end })
          wait()
        end))
        print('swallowed')""",
    "an error while closing below a wrap": """
        pcall(coroutine.wrap(function()
          local c <close> = setmetatable({}, { __close = function() error('instead') end })
          wait()
        end))
        print('swallowed')""",
    "a reader of load": "load(function() me:cancel() end) print('swallowed')",
    "string.gsub": "pcall(string.gsub, 'x', 'x', function() me:cancel() end) print('swallowed')",
    "a comparator": "pcall(table.sort, { 1, 2 }, function() wait() end) print('swallowed')",
    "parallel": "pcall(parallel, { wait }) print('swallowed')",
    "timeout": "pcall(timeout, 1000, wait) print('swallowed')",
    "require": "package.preload.m = wait pcall(require, 'm') print('swallowed')",
    "the error with its mark kept": """
        local mark
        pcall(function()
          local c <close> = setmetatable({}, { __close = function(_, e) mark = e end })
          wait()
        end)
        print('swallowed')""",
}


@pytest.mark.parametrize("way", SWALLOWERS)
def test_nothing_swallows_a_cancellation(prints, way):
    source = f"""
        local me
        local function wait() Test.forever() end
        me = Task.spawn(function() {SWALLOWERS[way]} end)
        sleep(0)
        me:cancel()
        local ok = pcall(me.wait, me)
        print(ok, me.status == 'cancelled' or me.status == 'failed')
    """
    assert prints(source, ops=OPS) == ["false\ttrue"]


def test_what_a_cancelled_task_holds_is_closed_and_may_wait(prints):
    source = (
        CLOSER
        + """
        local t = Task.spawn(function()
          local a <close> = closer("a")
          local b <close> = setmetatable({}, { __close = function()
            print("waits", pcall(Test.echo, "x"))
            sleep(0)
            print("waited")
          end })
          pcall(function()
            local c <close> = closer("c")
            Test.forever()
          end)
        end)
        sleep(0)
        t:cancel()
        print(t.status)
        print(pcall(t.wait, t), t.status)
    """
    )
    lines = prints(source, ops=OPS)
    assert lines[:-1] == ["waiting", "closed c\tfalse", "waits\ttrue\tx", "waited", "closed a\tfalse"]
    assert lines[-1].endswith("cancelled")


def test_pcall_works_as_always_in_a_close_handler_of_a_cancelled_task(prints):
    source = """
        local t = Task.spawn(function()
          local c <close> = setmetatable({}, { __close = function()
            print(pcall(error, "caught", 0))
            print(coroutine.resume(coroutine.create(function() error("too", 0) end)))
            print(pcall(coroutine.wrap(function() error("and this", 0) end)))
            print("on")
          end })
          Test.forever()
        end)
        sleep(0)
        t:cancel()
    """
    assert prints(source, ops=OPS) == ["false\tcaught", "false\ttoo", "false\tand this", "on"]


def test_variables_of_coroutines_are_closed_too(prints):
    source = (
        CLOSER
        + """
        local t = Task.spawn(function()
          local co = coroutine.wrap(function()
            local a <close> = closer("outer")
            local inner = coroutine.create(function()
              local b <close> = closer("inner")
              Test.forever()
            end)
            coroutine.resume(inner)
          end)
          co()
        end)
        sleep(0)
        t:cancel()
    """
    )
    assert prints(source, ops=OPS) == ["closed inner\tfalse", "closed outer\tfalse"]


def test_children_end_with_their_parent(prints):
    source = (
        CLOSER
        + """
        local t = Task.spawn(function()
          parallel {
            function() local c <close> = closer("1") Test.forever() end,
            function()
              local c <close> = closer("2")
              parallel { function() local c <close> = closer("2.1") Test.forever() end }
            end,
            function() local c <close> = closer("3") timeout(1000, Test.forever) end,
          }
        end)
        sleep(0)
        t:cancel()
        print(select(2, pcall(t.wait, t)).type)
    """
    )
    lines = prints(source, ops=OPS)
    assert sorted(lines) == sorted(
        ["closed 1\tfalse", "closed 2\tfalse", "closed 2.1\tfalse", "closed 3\tfalse", "cancelled"]
    )


def test_a_child_may_cancel_its_parent(prints):
    source = """
        local parent
        parent = Task.spawn(function()
          parallel { function() parent:cancel() print("never") end, Test.forever }
          print("never")
        end)
        sleep(0)
        print(parent.status)
    """
    assert prints(source, ops=OPS) == ["cancelled"]


def test_an_error_while_closing_is_the_task_s_error(prints):
    source = """
        local t = Task.spawn(function()
          local c <close> = setmetatable({}, { __close = function() error("in close", 0) end })
          Test.forever()
        end)
        sleep(0)
        t:cancel()
        print(pcall(t.wait, t), t.status)
    """
    assert prints(source, ops=OPS)[0].endswith("failed")


def test_a_task_started_while_closing_runs(prints):
    source = """
        local t = Task.spawn(function()
          local c <close> = setmetatable({}, { __close = function()
            Task.spawn(function() sleep(0) print("late task") end)
          end })
          Test.forever()
        end)
        sleep(0)
        t:cancel()
    """
    assert prints(source, ops=OPS) == ["late task"]


def test_the_op_is_cancelled_with_its_task(prints):
    log = []

    async def watched():
        import asyncio

        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    prints("local t = Task.spawn(Test.watched) sleep(0) sleep(0) t:cancel()", ops={"watched": watched})
    assert log == ["cancelled"]


def test_an_answer_that_came_just_before_the_cancellation_is_dropped(prints):
    source = """
        local first, second
        first = Task.spawn(function() Test.now(1) second:cancel() print("first") end)
        second = Task.spawn(function() Test.now(2) print("never") end)
        sleep(0)
        print(first.status, second.status, Test.now(3))
    """

    def now(value):
        return value

    now.waits = True
    assert prints(source, ops={"now": now}) == ["first", "done\tcancelled\t3"]


def test_values_taken_from_an_unwinding_task_do_no_harm(run):
    source = """
        local mark
        local t = Task.spawn(function()
          local c <close> = setmetatable({}, { __close = function(_, e) mark = e end })
          sleep(1000)
        end)
        sleep(0)
        t:cancel()
        sleep(0)
        print(tostring(mark):match("^%a+"), getmetatable(mark), mark.type)
        local thrower = Task.spawn(error, mark)
        print(pcall(thrower.wait, thrower), thrower.status)
        print(#parallel { function() error(mark) end, function() return 1 end })
        print("main goes on")
    """
    result = run(source)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "cancellation\tfalse\tnil"
    assert result.out.splitlines()[-2:] == ["2", "main goes on"]
