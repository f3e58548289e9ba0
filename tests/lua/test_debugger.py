"""The debugger: what holds a script, going on, what is seen and done at the place, and where tasks wait."""

import json
import threading

import pytest

from llmspell.lua.console import Console

PROGRAM = """\
local function add(a, b)
  local sum = a + b
  return sum
end
local total = 0
for i = 1, 3 do
  total = add(total, i)
end
print("total", total)
"""


class Held:
    """Listens to a console, and waits for what it holds."""

    def __init__(self):
        self.echoes, self.failures = [], []
        self._pauses = threading.Semaphore(0)

    def echo(self, text):
        self.echoes.append(text)

    def event(self, kind, text):
        raise AssertionError("no job ran")

    def failed(self, failure):
        self.failures.append(failure)

    def pause(self, place):
        self._pauses.release()


class Debugged:
    """A console whose scripts are held."""

    def __init__(self, session):
        self.held = Held()
        self.console = Console(session, self.held)
        self.console.start()

    def run(self, source, name="app.lua"):
        """Start a program without waiting for it."""
        self.made = self.console.program(source, name)
        return self

    def place(self):
        """Where it is held next."""
        assert self.held._pauses.acquire(timeout=30), self.made.status
        return self.console.debugger.pause.place

    def reason(self):
        return self.console.debugger.pause.reason

    def go(self, *order):
        """Let it go on to the next place."""
        self.console.debugger.command(*order)
        return self.place()

    def end(self, *order):
        """Let it go on to its end."""
        self.console.debugger.command(*(order or ("continue",)))
        assert self.made.done.wait(30)
        return self.made

    def ask(self, name, *args):
        return self.console.ask(name, *args, timeout=30)

    def stop_at(self, line, condition=None, file="app.lua"):
        assert "id" in self.ask("break_set", file, line, condition)

    def eval(self, code):
        answer = json.loads(self.console.debugger.command("eval", code))
        return answer["text"] if answer["ok"] else f"failed: {answer['text']}"

    def locals(self):
        return {row["name"]: row["text"] for row in self.ask("locals")}


@pytest.fixture
def debugged(session_for):
    made = Debugged(session_for("repl"))
    yield made
    made.console.close()


@pytest.fixture
def at_sum(debugged):
    """The program, held in line 2 the second time, where b is 2."""
    debugged.stop_at(2, "b == 2")
    assert debugged.run(PROGRAM).place() == "app.lua:2"
    return debugged


# ── what holds a script ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_breakpoint_holds_each_time_and_counts(debugged):
    debugged.stop_at(2)
    places = [debugged.run(PROGRAM).place(), debugged.go("continue"), debugged.go("continue")]
    assert places == ["app.lua:2"] * 3
    assert debugged.reason() == "breakpoint 1"
    assert debugged.ask("break_list")["breakpoints"] == [{"id": 1, "file": "app.lua", "line": 2, "hits": 3}]
    assert debugged.end().status == "done"


@pytest.mark.parametrize("name", ["app.lua", "dir/app.lua", "../far/dir/app.lua"])
def test_a_file_is_found_by_the_end_of_its_name(debugged, name):
    debugged.stop_at(9)
    assert debugged.run(PROGRAM, name).place() == f"{name}:9"


@pytest.mark.parametrize("name", ["myapp.lua", "app.lua/other", "app"])
def test_other_files_are_not_held(debugged, name):
    debugged.stop_at(9)
    debugged.run(PROGRAM, name)
    assert debugged.made.done.wait(30)


def test_a_condition_sees_what_the_line_sees(at_sum):
    assert at_sum.locals()["b"] == "2"
    assert at_sum.ask("break_list")["breakpoints"][0]["hits"] == 1
    assert at_sum.end().status == "done"


def test_a_condition_that_fails_holds_and_says_why(debugged):
    debugged.stop_at(2, "a.b.c > 1")
    assert debugged.run(PROGRAM).place() == "app.lua:2"
    assert debugged.reason().startswith("the condition of breakpoint 1 failed: ")
    assert "attempt to index" in debugged.reason()


def test_a_condition_that_is_no_lua_is_refused(debugged):
    assert "problem" in debugged.ask("break_set", "app.lua", 2, "b ==")
    assert debugged.ask("break_list")["breakpoints"] == []


def test_ctrl_c_stops_an_endless_condition_with_the_script(debugged):
    debugged.stop_at(2, "(function() while true do end end)()")
    debugged.run(PROGRAM)
    while not debugged.made.done.wait(0.05):
        debugged.console.interrupt()
    assert debugged.made.status == "cancelled"


@pytest.mark.parametrize("loop", ["while true do end", "local x = 0 while true do x = x + 1 end"])
def test_ctrl_c_stops_a_loop_although_lines_are_watched(debugged, loop):
    debugged.stop_at(100)
    debugged.run(loop)
    while not debugged.made.done.wait(0.05):
        debugged.console.interrupt()
    assert debugged.made.status == "cancelled"


def test_breakpoints_reach_coroutines_that_are_there_already(debugged):
    source = """\
co = coroutine.create(function(a)
  while true do
    a = coroutine.yield(a * 2)
  end
end)
print(coroutine.resume(co, 1))
"""
    debugged.run(source)
    assert debugged.made.done.wait(30)
    debugged.stop_at(3)
    debugged.run("print(coroutine.resume(co, 21))", "other.lua")
    assert debugged.place() == "app.lua:3"
    assert debugged.eval("a") == "21"
    assert [row["line"] for row in debugged.ask("stack")] == [3, 1]


def test_cleared_breakpoints_hold_nothing(debugged):
    debugged.stop_at(2)
    debugged.stop_at(3)
    assert debugged.run(PROGRAM).place() == "app.lua:2"
    assert debugged.ask("break_clear", 7) == 0
    assert debugged.ask("break_clear", 1) == 1
    assert debugged.go("continue") == "app.lua:3"
    assert debugged.ask("break_clear", None) == 1
    assert debugged.end().status == "done"


def test_the_next_chunk_is_held_in_its_first_line(debugged):
    debugged.ask("hold_next", True)
    assert debugged.run("\n\n" + PROGRAM).place() == "app.lua:6"  # a function's statement is where it ends
    assert debugged.reason() == "start"
    assert debugged.end().status == "done"


def test_an_error_that_is_not_caught_is_held_where_it_is_raised(debugged):
    debugged.ask("break_on_error", True)
    source = """\
local function deep(x)
  local kept = x
  error { type = "odd", message = "no " .. kept }
end
print(pcall(deep, "caught"))
deep("luck")
"""
    assert debugged.run(source).place() == "app.lua:3"
    assert debugged.reason() == "error: no luck"
    assert debugged.locals() == {"x": '"luck"', "kept": '"luck"'}
    assert debugged.eval("kept .. '!'") == '"luck!"'
    made = debugged.end()
    assert (made.status, made.failure.type) == ("failed", "odd")
    debugged.ask("break_on_error", False)
    debugged.run(source)
    assert debugged.made.done.wait(30)


def test_a_mistake_in_an_input_is_not_held(debugged):
    debugged.ask("break_on_error", True)
    made = debugged.console.submit("nothing.at.all = 1")
    assert made.done.wait(30)
    assert made.status == "failed"


# ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_steps(debugged):
    debugged.stop_at(7)
    assert debugged.run(PROGRAM).place() == "app.lua:7"
    debugged.ask("break_clear", None)
    assert debugged.go("step", "into") == "app.lua:2"
    assert debugged.reason() == "step"
    assert debugged.go("step", "over") == "app.lua:3"
    assert debugged.go("step", "out") == "app.lua:6"
    assert debugged.go("step", "over") == "app.lua:7"
    assert debugged.go("step", "over") == "app.lua:6"
    made = debugged.end("step", "out")
    assert made.status == "done"


def test_a_step_goes_through_recursion(debugged):
    source = """\
local function down(n)
  if n > 0 then
    down(n - 1)
  end
  return n
end
down(3)
"""
    debugged.stop_at(2)
    assert debugged.run(source).place() == "app.lua:2"
    debugged.ask("break_clear", None)
    assert [debugged.go("step", "over"), debugged.go("step", "over")] == ["app.lua:3", "app.lua:5"]
    assert debugged.locals()["n"] == "3"


def test_a_step_goes_into_coroutines_and_out_of_them(debugged):
    source = """\
local gen = coroutine.wrap(function()
  coroutine.yield(1)
  return 2
end)
print(gen())
print(gen())
"""
    debugged.stop_at(5)
    assert debugged.run(source).place() == "app.lua:5"
    assert debugged.go("step", "into") == "app.lua:2"
    assert debugged.go("step", "over") == "app.lua:6"  # it has yielded
    assert debugged.go("step", "into") == "app.lua:3"
    assert debugged.end("step", "out").status == "done"


def test_a_step_stays_in_its_task(debugged):
    source = """\
Task.spawn(function()
  for i = 1, 100 do sleep(0) end
end)
sleep(0)
sleep(0)
print("end")
"""
    debugged.stop_at(4)
    assert debugged.run(source).place() == "app.lua:4"
    assert [debugged.go("step", "into"), debugged.go("step", "into")] == ["app.lua:5", "app.lua:6"]


def test_a_step_that_meets_no_line_ends_with_its_task(debugged):
    debugged.stop_at(9)
    assert debugged.run(PROGRAM).place() == "app.lua:9"
    debugged.ask("break_clear", None)
    debugged.end("step", "into")
    made = debugged.console.submit("x = 1")
    assert made.done.wait(30)
    assert made.status == "done"


# ── what is seen ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_locals_upvalues_and_varargs(debugged):
    source = """\
local outer, outside = "up", 1
local function f(a, ...)
  local a = a + 1
  do local gone = 1 end
  print(outer, a)
end
f(1, nil, "x")
"""
    debugged.stop_at(5)
    debugged.run(source).place()
    rows = [(row["kind"], row["name"], row["text"]) for row in debugged.ask("locals")]
    assert rows == [
        ("local", "a", "2"), ("upvalue", "outer", '"up"'), ("vararg", "...1", "nil"), ("vararg", "...2", '"x"'),
    ]  # fmt: skip
    assert debugged.eval("select('#', ...), ...") == '2\nnil\n"x"'


def test_frames_of_the_script_alone_are_shown(debugged):
    debugged.stop_at(1, file="inner.lua")
    source = """\
local fn = load("return coroutine.yield() or 1\\n", "@inner.lua")
local function outer(list)
  table.sort(list, function(a, b) return fn() < b end)
end
outer { 2, 1 }
"""
    assert debugged.run(source).place() == "inner.lua:1"
    stack = debugged.ask("stack")
    assert [(row["file"], row["line"], row["title"]) for row in stack] == [
        ("inner.lua", 1, "main chunk"),
        ("app.lua", 3, "local 'compare'"),
        ("app.lua", 3, "local 'outer'"),
        ("app.lua", 5, "main chunk"),
    ]
    assert [row["current"] for row in stack] == [True, False, False, False]
    assert stack[2]["arguments"] == "list = { 2, 1 }"


def test_up_and_down(at_sum):
    assert at_sum.ask("frame_move", -1) is None
    assert at_sum.ask("frame_move", 1) == {"file": "app.lua", "line": 7, "title": "main chunk"}
    assert at_sum.locals()["total"] == "1"
    assert at_sum.eval("total, i, sum") == "1\n2\nnil"
    assert at_sum.ask("frame_move", 1) is None
    assert at_sum.ask("frame_move", -1)["line"] == 2


def test_locals_of_inputs_where_nothing_is_held(debugged):
    assert debugged.ask("locals") == []
    made = debugged.console.submit("x = 5", locals=["x"])
    assert made.done.wait(30)
    assert debugged.ask("locals") == [{"kind": "local", "name": "x", "text": "5"}]


def test_a_deep_stack_is_shown_from_its_inner_end(debugged):
    debugged.stop_at(2)
    source = "local function f(n)\n  if n == 0 then return 0 end\n  return 1 + f(n - 1)\nend\nprint(f(50000))\n"
    debugged.stop_at(2, "n == 0")
    debugged.ask("break_clear", 1)
    assert debugged.run(source).place() == "app.lua:2"
    stack = debugged.ask("stack")
    assert len(stack) == 200
    assert [row["arguments"] for row in stack[:2]] == ["n = 0", "n = 1"]
    debugged.ask("break_clear", None)
    assert debugged.go("step", "out") == "app.lua:3" or debugged.made.done.is_set()


# ── running code at the place ─────────────────────────────────────────────────────────────────────────────────────────


def test_code_reads_and_sets_locals_upvalues_and_globals(at_sum):
    assert at_sum.eval("a, b, sum, total") == "1\n2\nnil\nnil"
    assert at_sum.eval("b = 100") == ""
    assert at_sum.eval("new = b") == ""
    assert at_sum.eval("new, _G.new") == "100\n100"
    at_sum.ask("frame_move", 1)
    at_sum.eval("total = 1000")  # the running call has read it already
    at_sum.ask("break_clear", None)
    at_sum.stop_at(9)
    assert at_sum.go("continue") == "app.lua:9"
    assert at_sum.eval("total") == "104"


def test_results_of_code_are_kept_as_those_of_inputs(at_sum):
    assert at_sum.eval("'a', 'b'") == '"a"\n"b"'
    assert at_sum.eval("_") == '"a"'


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x +", "unexpected symbol near <eof>"),
        ("error('odd')", "eval:1: odd"),
        ("nothing.at", "attempt to index a nil value"),
        ("sleep(1)", "cannot wait here: the debugger holds everything"),
        ("Task.spawn(sleep, 0):wait()", "cannot wait here: the debugger holds everything"),
        ("coroutine.wrap(function() sleep(1) end)()", "cannot wait here: the debugger holds everything"),
        ("coroutine.yield(1)", "attempt to yield from outside a coroutine"),
    ],
)
def test_code_that_fails_leaves_all_as_it_was(at_sum, code, why):
    answer = at_sum.eval(code)
    assert answer.startswith("failed: "), answer
    assert why in answer
    assert at_sum.eval("b") == "2"
    assert at_sum.end().status == "done"


@pytest.mark.parametrize(
    "code",
    [
        "while true do end",
        "pcall(function() while true do end end)",
        "coroutine.wrap(function() while true do end end)()",
        "setmetatable({}, { __tostring = function() while true do end end })",
    ],
)
def test_endless_code_is_stopped(at_sum, code):
    began, answers = threading.Event(), []

    def work():
        began.set()
        answers.append(at_sum.eval(code))

    thread = threading.Thread(target=work)
    thread.start()
    began.wait(30)
    while thread.is_alive():
        at_sum.console.interrupt()
        thread.join(0.05)
    assert at_sum.eval("b") == "2"
    assert at_sum.end().status == "done"
    assert answers == ["failed: interrupted"]


def test_code_meets_no_breakpoints(at_sum):
    at_sum.stop_at(1, file="eval.lua")
    assert at_sum.eval("load('return 7', '@eval.lua')()") == "7"
    assert at_sum.eval("coroutine.wrap(load('return 8', '@eval.lua'))()") == "8"


def test_what_code_leaves_behind_sees_globals_only(at_sum):
    at_sum.eval("seen = function() return b end")
    assert at_sum.eval("seen()") == "nil"
    assert at_sum.end().status == "done"


def test_completion_asks_while_everything_is_held(at_sum):
    assert at_sum.console.debugger.paused
    assert at_sum.ask("tasks") == [{"id": 1, "place": "app.lua:2", "status": "running"}]
    assert at_sum.ask("no_such_query") is None


# ── where tasks wait ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_tasks_and_where_each_waits(debugged):
    source = """\
local first = Task.spawn(function()
  coroutine.wrap(function()
    sleep(1000)
  end)()
end)
Task.spawn(function()
  first:wait()
end)
Task.spawn(function()
  parallel { function() sleep(1000) end }
end)
sleep(0) sleep(0)
Task.spawn(function()
  return 1
end)
hold()
"""
    debugged.stop_at(1, file="hold.lua")
    made = debugged.console.submit("hold = load('return 1', '@hold.lua')")
    assert made.done.wait(30)
    assert debugged.run(source).place() == "hold.lua:1"
    rows = [(row["status"], row.get("place"), row.get("call")) for row in debugged.ask("tasks")]
    assert sorted(rows, key=str) == [
        ("ready", "app.lua:13", None),
        ("running", "hold.lua:1", None),
        ("waiting", "app.lua:10", "parallel"),
        ("waiting", "app.lua:10", "sleep"),
        ("waiting", "app.lua:3", "sleep"),
        ("waiting", "app.lua:7", "Task:wait"),
    ]


# ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_leaving_ends_what_is_held(debugged):
    debugged.stop_at(2)
    debugged.run(PROGRAM).place()
    debugged.console.close()
    assert debugged.made.done.wait(30)
    assert debugged.made.status == "cancelled"
    assert debugged.console.gone


def test_os_exit_in_code_ends_the_session(at_sum):
    at_sum.console.debugger.command("eval", "os.exit(7)", timeout=0.1)
    assert at_sum.made.done.wait(30)
    at_sum.console.close()
    assert at_sum.console.exit_code == 7
