"""parallel and timeout."""

import pytest


class Gauge:
    """How many are inside at once, and how many were at most."""

    def __init__(self):
        self.inside = self.most = 0

    def ops(self):
        async def work(turns=1):
            import asyncio

            self.inside += 1
            self.most = max(self.most, self.inside)
            for _ in range(int(turns)):
                await asyncio.sleep(0)
            self.inside -= 1
            return turns

        return {"work": work}


async def echo(value=None):
    return value


async def forever():
    import asyncio

    await asyncio.get_running_loop().create_future()


OPS = {"echo": echo, "forever": forever}


def test_results_come_in_the_order_of_the_list(prints):
    source = """
        local r = parallel {
          function() Test.work(5) return "a" end,
          function() return "b" end,
          function() Test.work(1) return "c", "more" end,
          function() end,
        }
        for i, x in ipairs(r) do print(i, x.ok, x.value, x.error, x.values and x.values[2]) end
        local r = parallel({ 30, 10, 20 }, function(turns, i) Test.work(turns) return turns * i end)
        print(r[1].value, r[2].value, r[3].value)
    """
    assert prints(source, ops=Gauge().ops()) == [
        "1\ttrue\ta\tnil\tnil",
        "2\ttrue\tb\tnil\tnil",
        "3\ttrue\tc\tnil\tmore",
        "4\ttrue\tnil\tnil\tnil",
        "30\t20\t60",
    ]


@pytest.mark.parametrize(("most", "count"), [(1, 5), (2, 7), (3, 3), (10, 4), (4, 100)])
def test_no_more_than_max_concurrency_run_at_once(prints, most, count):
    gauge = Gauge()
    source = f"""
        local items = {{}}
        for i = 1, {count} do items[i] = i end
        local r = parallel(items, function(i) return Test.work(i % 4) end, {{ max_concurrency = {most} }})
        print(#r)
    """
    assert prints(source, ops=gauge.ops()) == [str(count)]
    assert gauge.most == min(most, count)


def test_errors_of_every_kind_stay_with_their_item(prints):
    source = """
        local r = parallel {
          function() error("text") end,
          function() error({ type = "mine", message = "m" }) end,
          function() error() end,
          function() error(false) end,
          function() local x = nil; x() end,
          function() error("plain", 0) end,
          function() return "fine" end,
        }
        for i, x in ipairs(r) do print(i, x.ok, x.value, x.error and type(x.error), x.error and x.error.message) end
        print(r[1].error.type, tostring(r[6].error))
    """
    assert prints(source) == [
        "1\tfalse\tnil\ttable\tmain.lua:3: text",
        "2\tfalse\tnil\ttable\tm",
        "3\tfalse\tnil\ttable\tnil",
        "4\tfalse\tnil\ttable\tfalse",
        "5\tfalse\tnil\ttable\tmain.lua:7: attempt to call a nil value (local 'x')",
        "6\tfalse\tnil\ttable\tplain",
        "7\ttrue\tfine\tnil\tnil",
        "script_error\tplain",
    ]


def test_a_failed_item_is_no_lost_error(run):
    result = run("parallel { function() error('x') end }")
    assert (result.code, result.err) == (0, "")


def test_the_time_limit_leaves_errors_for_what_was_not_done(prints):
    source = """
        local r = parallel({ 1, 2, 3, 4, 5 }, function(i)
          local c <close> = setmetatable({}, { __close = function() print("closed", i) end })
          if i > 1 then Test.forever() end
          return i
        end, { timeout = 0.02, max_concurrency = 3 })
        for i = 1, 5 do print(i, r[i].ok, r[i].value, r[i].error and r[i].error.type) end
        print(r[2].error.message)
    """
    assert prints(source, ops=OPS) == [
        "closed\t1",
        "closed\t2",
        "closed\t3",
        "closed\t4",
        "1\ttrue\t1\tnil",
        "2\tfalse\tnil\ttimeout",
        "3\tfalse\tnil\ttimeout",
        "4\tfalse\tnil\ttimeout",
        "5\tfalse\tnil\ttimeout",
        "parallel took longer than 0.02 s",
    ]


def test_a_time_limit_that_is_not_reached_changes_nothing(prints):
    assert prints("print(parallel({ 1 }, function(x) return x end, { timeout = 1000 })[1].value)") == ["1"]


def test_too_few_good_ones_raise(prints):
    source = """
        local function one(x) if x < 3 then error("no " .. x, 0) end return x end
        print(#parallel({ 1, 2, 3, 4 }, one, { min_ok = 2 }))
        local ok, e = pcall(parallel, { 1, 2, 3, 4 }, one, { min_ok = 3 })
        print(ok, e.type, e.message)
        print(e.results[4].value, e.results[1].error.message)
        local ok, e = pcall(parallel, { 1, 3 }, function(x) one(x) Test.forever() end, { min_ok = 1, timeout = 0.01 })
        print(ok, e.type)
        print(pcall(parallel, {}, one, { min_ok = 1 }))
    """
    lines = prints(source, ops=OPS)
    assert lines[:4] == [
        "4",
        "false\tparallel_failed\tonly 2 of 4 succeeded, 3 were needed; the first error: no 1",
        "4\tno 1",
        "false\ttimeout",
    ]
    assert "only 0 of 0 succeeded" in lines[4]


def test_an_empty_list_and_many_items(prints):
    source = """
        print(#parallel {}, #parallel({}, print), #parallel({}, print, { timeout = 1000 }))
        local items = {}
        for i = 1, 10000 do items[i] = i end
        local sum = 0
        for _, r in ipairs(parallel(items, function(x) sleep(0) return x end)) do sum = sum + r.value end
        print(sum)
    """
    assert prints(source) == ["0\t0\t0", "50005000"]


def test_parallel_in_parallel(prints):
    source = """
        local r = parallel({ 1, 2, 3 }, function(i)
          local inner = parallel({ 10, 20 }, function(x) Test.echo(x) return x * i end)
          return inner[1].value + inner[2].value
        end)
        print(r[1].value, r[2].value, r[3].value)
        local r = parallel { function() return parallel { function() error("deep", 0) end } end }
        print(r[1].ok, r[1].value[1].ok, r[1].value[1].error.message)
    """
    assert prints(source, ops=OPS) == ["30\t60\t90", "true\tfalse\tdeep"]


def test_options_may_be_the_second_argument(prints):
    assert prints("print(parallel({ function() return 1 end }, { max_concurrency = 1 })[1].value)") == ["1"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("parallel()", "table expected, got nil"),
        ("parallel(5)", "table expected, got number"),
        ("parallel{ 1 }", "function expected, got number"),
        ("parallel{ print, nil, print }", "function expected, got nil"),
        ("parallel({ 1 }, 'x')", "function expected, got string"),
        ("parallel({ 1 }, print, 5)", "bad argument #3"),
        ("parallel({ 1 }, print, { max = 1 })", "parallel has no option 'max'"),
        ("parallel({ 1 }, print, { max_concurrency = 0 })", "must be a positive number"),
        ("parallel({ 1 }, print, { max_concurrency = 'x' })", "must be a positive number"),
        ("parallel({ 1 }, print, { max_concurrency = 0/0 })", "must be a positive number"),
        ("parallel({ 1 }, print, { timeout = -1 })", "must be a positive number"),
        ("parallel({ 1 }, print, { timeout = 0/0 })", "must be a positive number"),
        ("parallel({ 1 }, print, { [1] = 2 })", "parallel has no option '1'"),
    ],
)
def test_misuse_is_an_error_at_the_caller_s_line(run, call, message):
    result = run("\n" + call)
    assert result.code == 1
    first = result.err.splitlines()[0]
    assert first.startswith("main.lua:2: ") and message in first


def test_parallel_inside_a_coroutine(prints):
    source = """
        local gen = coroutine.wrap(function()
          for i = 1, 2 do coroutine.yield(parallel({ i }, function(x) return Test.echo(x) end)[1].value) end
        end)
        print(gen(), gen())
    """
    assert prints(source, ops=OPS) == ["1\t2"]


def test_timeout_gives_the_results_or_raises(prints):
    source = """
        print(timeout(1000, function(a) sleep(0) return a, nil, 3 end, "a"))
        local ok, e = pcall(timeout, 0.01, Test.forever)
        print(ok, e.type, e.message, e.retryable)
        print(pcall(timeout, 1000, error, "inner"))
        print(pcall(timeout, 1000, error, { code = 5 }))
        print(select("#", timeout(1000, function() end)))
        print(timeout(1000, timeout, 1000, function() return "nested" end))
        local ok, e = pcall(timeout, 1000, timeout, 0.01, Test.forever)
        print(e.type)
        local ok, e = pcall(timeout, 0.01, timeout, 1000, Test.forever)
        print(e.type)
        local ok, e = pcall(timeout, 0, Test.forever)
        print(e.type)
    """
    lines = prints(source, ops=OPS)
    assert lines[:3] == ["a\tnil\t3", "false\ttimeout\tit took longer than 0.01 s\ttrue", "false\tinner"]
    assert lines[4:] == ["0", "nested", "timeout", "timeout", "timeout"]


def test_an_uncaught_timeout_makes_its_exit_code(run):
    result = run("\ntimeout(0.01, Test.forever)", ops=OPS)
    assert result.code == 124
    assert result.err.splitlines()[0] == "main.lua:2: it took longer than 0.01 s"


def test_what_a_timed_out_function_holds_is_closed_first(prints):
    source = """
        print(pcall(timeout, 0.01, function()
          local c <close> = setmetatable({}, { __close = function() sleep(0) print("closed") end })
          while true do pcall(Test.forever) end
        end))
    """
    lines = prints(source, ops=OPS)
    assert lines[0] == "closed" and "longer than" in lines[1]
