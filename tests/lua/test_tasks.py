"""Task.spawn, wait, status; errors that nobody waits for; when a script ends."""

import pytest

from llmspell.errors import ModelNotFound, ProviderUnavailable


async def echo(value=None):
    return value


async def refuse():
    raise ProviderUnavailable("nobody answers", hint="start it")


async def miss():
    raise ModelNotFound("no such model")


OPS = {"echo": echo, "refuse": refuse, "miss": miss}


def test_a_task_gives_all_its_results(prints):
    source = """
        local t = Task.spawn(function(a, b) return a, nil, b, nil end, 1, 2)
        print(t.status, t:wait())
        print(t.status, select("#", t:wait()), t:wait())
        print(select("#", Task.spawn(function() end):wait()))
    """
    assert prints(source) == ["ready\t1\tnil\t2\tnil", "done\t4\t1\tnil\t2\tnil", "0"]


def test_tasks_begin_when_the_running_one_waits(prints):
    source = """
        for i = 1, 3 do Task.spawn(function() print("task", i) end) end
        print("main goes on")
        sleep(0)
        print("main again")
    """
    assert prints(source) == ["main goes on", "task\t1", "task\t2", "task\t3", "main again"]


def test_every_status(prints):
    source = """
        local self
        local t = Task.spawn(function() print(self.status) sleep(0) end)
        self = t
        print(t.status)
        local waits = Task.spawn(sleep, 1000)
        sleep(0) sleep(0)
        print(t.status, waits.status)
        waits:cancel()
        local bad = Task.spawn(error, "x")
        print(pcall(bad.wait, bad), bad.status)
        print(pcall(waits.wait, waits), waits.status)
    """
    lines = prints(source)
    assert lines[:3] == ["ready", "running", "done\twaiting"]
    assert [line.split("\t")[-1] for line in lines[3:]] == ["failed", "cancelled"]


def test_an_error_is_raised_where_it_is_waited_for_as_it_was(prints):
    source = """
        local function raised(...)
          local t = Task.spawn(error, ...)
          return select(2, pcall(t.wait, t))
        end
        print(raised("text"))
        print(raised({ code = 7 }).code)
        print(raised(nil), raised(false), raised(12))
        local t = Task.spawn(function()
          error("here")
        end)
        print(select(2, pcall(t.wait, t)))
        print(select(2, pcall(t.wait, t)))
        local op = Task.spawn(Test.refuse)
        local ok, e = pcall(op.wait, op)
        print(e.type, e.hint)
    """
    assert prints(source, ops=OPS) == [
        "text",
        "7",
        "nil\tfalse\t12",
        "main.lua:10: here",
        "main.lua:10: here",
        "provider_unavailable\tstart it",
    ]


def test_a_script_ends_when_its_last_task_has_ended(prints):
    source = """
        Task.spawn(function()
          sleep(0.001)
          Task.spawn(function() sleep(0.001) print("grandchild") end)
          print("child")
        end)
        print("main")
    """
    assert prints(source) == ["main", "child", "grandchild"]


@pytest.mark.parametrize(
    ("body", "code", "shown"),
    [
        ("error('lost')", 1, "in a task that nobody waited for: main.lua:1: lost"),
        ("Test.refuse()", 4, "in a task that nobody waited for: main.lua:1: nobody answers"),
        ("Test.miss()", 5, "in a task that nobody waited for: main.lua:1: no such model"),
        ("error({ message = 'mine', type = 'timeout', hint = 'why' })", 124, "mine"),
        ("error({ message = 'mine', type = 'no_such_type' })", 1, "mine"),
        ("error()", 1, "error object is a nil value"),
        ("error(setmetatable({}, { __tostring = function() return 'custom' end }))", 1, "custom"),
    ],
)
def test_an_error_that_nobody_waits_for_is_shown_and_makes_the_exit_code(run, body, code, shown):
    result = run(f"Task.spawn(function() {body} end) print('main ends')", ops=OPS)
    assert (result.code, result.out) == (code, "main ends\n")
    assert shown in result.err.splitlines()[0]


def test_the_main_chunk_s_error_ends_every_task(run):
    source = """
        Task.spawn(function()
          local c <close> = setmetatable({}, { __close = function() print("closed") end })
          sleep(1000)
        end)
        sleep(0)
        Test.miss()
    """
    result = run(source, ops=OPS)
    assert (result.code, result.out) == (5, "closed\n")
    assert result.err.splitlines()[0] == "main.lua:7: no such model"


def test_an_error_that_is_waited_for_later_is_not_shown(run):
    source = """
        local t = Task.spawn(error, "late")
        sleep(0)
        print(t.status, pcall(t.wait, t))
    """
    assert run(source).err == ""


ODD_ERRORS = {
    "a table": ("error({})", "error object is a table value"),
    "a table with a message": ("error({ message = 'm' })", "main.lua:1: m"),
    "its own tostring fails": (
        "error(setmetatable({}, { __tostring = function() error('again') end }))",
        "table value",
    ),
    "its own tostring waits": ("error(setmetatable({}, { __tostring = function() sleep(0) return 'slow' end }))", ""),
    "fields that raise": ("error(setmetatable({}, { __index = function() error('again') end }))", "a table value"),
    "a false text": ("error(setmetatable({}, { __tostring = function() return {} end }))", "error object"),
    "a spoilt error of the host": (
        "local ok, e = pcall(Test.miss) e.where, e.message, e.type, e.hint, e.cause = {}, {}, {}, {}, {} error(e)",
        "error object is a table value",
    ),
    "a host error whose message has code": (
        "local ok, e = pcall(Test.miss) e.message = setmetatable({}, { __tostring = function() while true do end end })"
        " error(e)",
        "error object is a table value",
    ),
    "a function": ("error(print)", "main.lua:1: error object is a function value"),
    "false": ("error(false)", "main.lua:1: error object is a boolean value"),
    "a false metatable name": ("error(setmetatable({}, { __metatable = 'error' }))", "a table value"),
    "a text that is no UTF-8": ("error('\\xff', 0)", "�"),
    "a very long text": ("error(('x'):rep(1e6), 0)", "xxxx"),
    "many lines": ("error('one\\ntwo', 0)", "one"),
}


@pytest.mark.parametrize("kind", ODD_ERRORS)
@pytest.mark.parametrize("where", ["main", "task"])
def test_any_value_can_be_an_error(run, kind, where):
    source, shown = ODD_ERRORS[kind]
    result = run(source if where == "main" else f"Task.spawn(function() {source} end)", ops=OPS)
    assert result.code == (5 if "whose message has code" in kind else 1)
    assert shown in result.err
    assert "Traceback" not in result.err and "fault in llmspell" not in result.err


def test_ten_thousand_tasks_wait_at_once(prints):
    source = """
        local tasks, count = {}, 0
        for i = 1, 10000 do
          tasks[i] = Task.spawn(function() sleep(0.01) count = count + 1 return i end)
        end
        local sum = 0
        for i = 1, #tasks do sum = sum + tasks[i]:wait() end
        print(count, sum)
    """
    assert prints(source) == ["10000\t50005000"]


def test_tasks_that_wait_for_each_other_are_found(run):
    source = """
        local a, b
        a = Task.spawn(function() b:wait() end)
        b = Task.spawn(function() a:wait() end)
        print("main")
        a:wait()
    """
    result = run(source)
    assert (result.code, result.out) == (1, "main\n")
    assert result.err.startswith("3 tasks wait for what can never happen")


def test_a_task_cannot_wait_for_itself(prints):
    source = """
        local me
        me = Task.spawn(function() return pcall(me.wait, me) end)
        local ok, e = me:wait()
        print(ok, e.type)
    """
    assert prints(source) == ["false\tdeadlock"]


def test_many_wait_for_one(prints):
    source = """
        local slow = Task.spawn(function() sleep(0.001) return "r" end)
        local others = {}
        for i = 1, 5 do others[i] = Task.spawn(function() return i .. slow:wait() end) end
        for i = 1, 5 do print(others[i]:wait()) end
    """
    assert prints(source) == ["1r", "2r", "3r", "4r", "5r"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Task.spawn()", "bad argument to 'Task.spawn' (function expected, got nil)"),
        ("Task.spawn({})", "function expected, got table"),
        ("Task.spawn(sleep, 0).wait()", "call it with a colon"),
        ("Task.spawn(sleep, 0).cancel({})", "call it with a colon"),
        ("Task.spawn(sleep, 0).status = 'done'", "the fields of a task can't be set"),
        ("sleep()", "seconds expected"),
        ("sleep('1')", "seconds expected"),
        ("sleep(-1)", "seconds expected"),
        ("sleep(0/0)", "seconds expected"),
        ("timeout(1)", "function expected"),
        ("timeout('x', print)", "seconds expected"),
        ("timeout(-1, print)", "seconds expected"),
    ],
)
def test_misuse_is_an_error_at_the_caller_s_line(run, source, message):
    result = run("\n" + source)
    assert result.code == 1
    first = result.err.splitlines()[0]
    assert first.startswith("main.lua:2: ") and message in first


def test_a_callable_table_can_be_a_task(prints):
    assert prints("print(Task.spawn(setmetatable({}, { __call = function(_, x) return x end }), 5):wait())") == ["5"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("os.exit()", 0),
        ("os.exit(true)", 0),
        ("os.exit(false)", 1),
        ("os.exit(7)", 7),
        ("os.exit(256 + 3)", 3),
        ("os.exit(-1)", 255),
        ("Task.spawn(function() os.exit(8) end)  Task.spawn(print, 'no')  sleep(1000)", 8),
        ("parallel { function() os.exit(9) end, function() print('no') end }", 9),
        ("pcall(os.exit, 6)  print('no')", 6),
        ("coroutine.resume(coroutine.create(function() os.exit(5) end))  print('no')", 5),
        ("load(function() os.exit(4) end)  print('no')", 4),
        ("coroutine.wrap(function() string.gsub('x', 'x', function() os.exit(3) end) end)()  print('no')", 3),
        ("local c <close> = setmetatable({}, { __close = function() sleep(1) print('no') end })  os.exit(2)", 2),
        ("Task.spawn(error, 'unseen')  sleep(0)  os.exit(0)", 0),
    ],
)
def test_os_exit_ends_everything(run, source, code):
    result = run("print('before')\n" + source + "\nprint('no')")
    assert (result.code, result.out, result.err) == (code, "before\n", "")


def test_os_exit_wants_a_whole_number(run):
    assert "bad argument #1 to 'exit'" in run("os.exit('x')").err
    assert "bad argument #1 to 'exit'" in run("os.exit(1.5)").err
