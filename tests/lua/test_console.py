"""A Lua state that lives on: inputs, what they leave behind, and what stops them."""

import threading
from dataclasses import dataclass, field

import pytest

from llmspell.lua.console import Console
from llmspell.lua.reading import syntax_problem


@dataclass
class Heard:
    """What a console told."""

    echoes: list = field(default_factory=list)
    events: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    failed_once: threading.Event = field(default_factory=threading.Event)

    def echo(self, text):
        self.echoes.append(text)

    def event(self, kind, text):
        self.events.append((kind, text))

    def failed(self, failure):
        self.failures.append(failure)
        self.failed_once.set()

    def pause(self, place):
        raise AssertionError("nothing was to pause")


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def console(session_for, heard):
    console = Console(session_for("repl"), heard)
    console.start()
    yield console
    console.close()


@pytest.fixture
def run(console):
    """Run an input to its end."""

    def run(source, *locals, **options):
        made = console.submit(source, locals=locals, **options)
        assert made.done.wait(30), f"{source} did not end"
        return made

    return run


@pytest.fixture
def value(run, heard):
    """What an expression shows."""

    def value(source):
        made = run(source)
        assert made.status == "done", made.failure
        return heard.echoes[-1]

    return value


def test_expressions_are_shown_and_statements_are_not(run, heard):
    run("1 + 1")
    run("x = 5")
    run("if x then return x, 'y' end")
    assert heard.echoes[0] == "2"
    assert len(heard.echoes) == 2


def test_results_are_kept_the_latest_first(run, value):
    for source in ("10", "20", "30"):
        run(source)
    assert value("_") == "30"
    assert [value("_3") for _ in range(1)] == ["20"], "each look at a result is a result itself"
    run("1, 2, 3")
    assert (value("_1 .. _2 .. _3")) == '"123"'


def test_nil_is_shown_and_not_kept(run, value):
    run("7")
    assert value("nil") == "nil"
    assert value("_") == "7"


def test_no_more_than_nine_results(run, value):
    for number in range(12):
        run(str(number))
    assert value("_9") == "3"
    assert value("_10") == "nil"


def test_top_level_locals_outlive_the_input(run, value):
    run("n = 0", "n")
    run("function count() n = n + 1 return n end", "count")
    run("count()")
    run("n = n + 10")
    assert value("count()") == "12"
    assert value("_G.n") == "nil", "it is no global"


def test_a_local_may_stand_for_a_global_of_its_name(run, value):
    run("print = print", "print")
    assert value("print == _G.print") == "true"
    run("print = nil")
    assert value("print") == "nil"
    assert value("_G.print ~= nil") == "true"


def test_what_ends_in_the_middle_of_a_line_ends_it(run, heard, capsys):
    run("io.write('half')")
    assert heard.echoes == [], "the file that it gives is no news"
    run("io.write('whole\\n')")
    run("x = 1")
    assert capsys.readouterr().out == "half\nwhole\n"


def test_globals_stay_globals(run, value):
    run("y = 1")
    assert value("_G.y") == "1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 +", "input1:1: unexpected symbol near <eof>"),
        ("x = = 2", "input1:1: unexpected symbol near '='"),
        ("local 1", "input1:1: <name> expected near '1'"),
        ("f(1 2)", "input1:1: ')' expected near '2'"),
        ("\n\nend", "input1:3: <eof> expected near 'end'"),
    ],
)
def test_what_is_no_lua(run, source, message):
    assert run(source).failure.message == message


def test_an_error_says_where_and_the_session_goes_on(run, value):
    made = run("local function f()\n  error('no')\nend\nf()")
    assert (made.status, made.failure.message) == ("failed", "input1:2: no")
    assert made.failure.traceback.endswith("in main chunk")
    assert value("1") == "1"


@pytest.mark.parametrize(
    "source",
    ["sleep(1000)", "while true do end", "while true do pcall(function() while true do end end) end",
     "coroutine.wrap(function() while true do end end)()", "parallel{ function() sleep(1000) end }"],
)  # fmt: skip
def test_what_runs_is_interrupted_and_the_session_goes_on(console, value, source):
    running = console.submit(f"Task.spawn(function() started = true end) sleep(0) assert(started) {source}")
    while not running.done.wait(0.05):  # the first may come before it has begun
        console.interrupt()
    assert running.status == "cancelled"
    assert value("started") == "true"


def test_an_interrupt_leaves_the_background_alone(console, run, value):
    run("other = Task.spawn(function() sleep(1000) end)")
    running = console.submit("sleep(1000)")
    while not running.done.wait(0.05):
        console.interrupt()
    assert value("other.status") == '"waiting"'
    assert console.tasks == 1


def test_a_background_task_that_computes_is_interrupted(console, run, value):
    run("busy = Task.spawn(function() sleep(0) while true do end end)")
    waiting = console.submit("busy:wait()")
    while not waiting.done.wait(0.05):
        console.interrupt()
    assert value("busy.status") == '"cancelled"'


def test_a_background_task_that_fails_is_told(run, heard):
    run("Task.spawn(function() sleep(0.01) error('late') end)")
    assert heard.failed_once.wait(10)
    assert heard.failures[0].message == "input1:1: late"


def test_memory_runs_out_and_the_session_goes_on(run, value):
    run("kept = 'this'")
    made = run("local t = {} while true do t[#t + 1] = ('x'):rep(2^20) .. #t end")
    assert made.failure.type == "out_of_memory"
    assert value("kept") == '"this"'


def test_tasks_that_wait_for_each_other(run, value):
    made = run("a = Task.spawn(function() sleep(0) b:wait() end) b = Task.spawn(function() a:wait() end) a:wait()")
    assert made.failure.type == "deadlock"
    assert value("1") == "1"


def test_a_script_ends_the_session(console, run):
    run("os.exit(3)")
    assert (console.exit_code, console.gone) == (3, True)
    assert run("1").failure.message == "the session has ended"
    assert console.ask("anything") is None


def test_a_program_has_locals_of_its_own(console, value):
    made = console.program("local a = ...\ng = a", "app.lua", ["word"])
    assert made.done.wait(10)
    assert (value("g"), value("a")) == ('"word"', "nil")


def test_work_for_the_loop_is_waited_for(console):
    async def work():
        return 7

    async def failing():
        raise ValueError("as it is")

    assert console.wait(work()) == 7
    with pytest.raises(ValueError, match="as it is"):
        console.wait(failing())


@pytest.mark.parametrize(
    ("source", "incomplete"),
    [
        ("x = {", True), ("if x then", True), ("f(", True), ("1 +", True), ("[[long", True), ("--[[ long", True),
        ("function f()", True), ("x = 'abc", False), ("x = 'abc\\\n", True), ("x = )", False), ("end", False),
    ],
)  # fmt: skip
def test_what_is_only_incomplete(source, incomplete):
    assert syntax_problem(source)[1] is incomplete


@pytest.mark.parametrize("source", ["", "x", "x = 1", "return 1", "f()", "-- nothing", "x;", "1, 2"])
def test_what_is_complete(source):
    assert syntax_problem(source) is None
