"""Ctrl-C, SIGTERM and time limits, in processes of their own. Each child says when it is ready."""

import signal
import subprocess

import pytest

READY = "print('ready') io.stdout:flush() "

SCRIPTS = {
    "waiting": READY + "sleep(1000)",
    "waiting in a loop of pcalls": READY + "while true do pcall(sleep, 1000) end",
    "ten thousand waiting": "for i = 1, 10000 do Task.spawn(sleep, 1000) end " + READY + "sleep(1000)",
    "many short waits": READY + "while true do sleep(0) end",
    "a tight loop": READY + "while true do end",
    "a loop in a coroutine": READY + "coroutine.wrap(function() while true do pcall(function() end) end end)()",
    "a loop of ops": READY + "while true do os.time() end",
    "a catastrophic pattern": READY + "local found = ('a'):rep(5000):find('.-.-.-.-.-b')",
    "reading stdin": READY + "io.read()",
}


def ready(process):
    assert process.stdout.readline() == b"ready\n"


@pytest.mark.parametrize("what", SCRIPTS)
def test_an_interrupt_ends_it_with_130(start, what):
    process = start(SCRIPTS[what], stdin=subprocess.PIPE)
    ready(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == b""


def test_an_interrupt_while_printing(start):
    process = start("while true do print('line') end")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"")
    assert set(out.splitlines()[:-1]) <= {b"line"}


def test_sigterm_ends_it_with_143(start):
    process = start(SCRIPTS["waiting"])
    ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143


CLOSING = """
    local function hold(name)
      return setmetatable({}, { __close = function() sleep(0) print("closed " .. name) end })
    end
    Task.spawn(function() local a <close> = hold("task") sleep(1000) end)
    local b <close> = hold("main")
    sleep(0)
    print("ready") io.stdout:flush()
    pcall(sleep, 1000)
    print("never")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_tasks_hold_is_closed(start, number, code):
    process = start(CLOSING)
    ready(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, b"")
    assert sorted(out.splitlines()) == [b"closed main", b"closed task"]


def test_a_close_handler_that_hangs_is_left_behind(start):
    process = start(
        "local c <close> = setmetatable({}, { __close = function() sleep(1000) end }) " + READY + "sleep(1000)"
    )
    ready(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def test_a_second_interrupt_does_not_wait(start):
    process = start(
        "local c <close> = setmetatable({}, { __close = function() print('closing') io.stdout:flush() "
        "sleep(1000) end }) " + READY + "sleep(1000)"
    )
    ready(process)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"closing\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


@pytest.mark.parametrize("what", ["waiting", "waiting in a loop of pcalls", "a tight loop", "a catastrophic pattern"])
def test_a_time_limit_ends_it_with_124(start, what):
    process = start(SCRIPTS[what], timeout=0.3)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (124, b"ready\n")
    assert err == b"error: the script ran longer than 0.3 s (--timeout)\n"


def test_a_script_within_its_time_limit(run):
    result = run("sleep(0) print('done')", timeout=1000)
    assert (result.code, result.out, result.err) == (0, "done\n", "")


@pytest.mark.parametrize(
    "source",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "local t = Task.spawn(function() while true do end end) print(pcall(t.wait, t)) print('swallowed')",
        "local c <close> = setmetatable({}, { __close = function() while true do end end })",
    ],
)
def test_computing_without_a_wait_has_its_own_limit(run, source):
    result = run(source, settings={"sandbox.compute_seconds": 0.1})
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("the script computed longer than 0.1 s without waiting for anything\nhint: raise")


def test_waiting_is_not_computing(prints):
    source = "for i = 1, 3 do sleep(0.05) end print('fine')"
    assert prints(source, settings={"sandbox.compute_seconds": 0.1}) == ["fine"]


def test_a_script_that_fails_after_the_interrupt_still_ends_with_130(start):
    source = """
        Task.spawn(sleep, 1000)
        sleep(0)
        print("ready") io.stdout:flush()
        io.read()
        error("late")
    """
    process = start(source, stdin=subprocess.PIPE)
    ready(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


@pytest.mark.parametrize(
    "source",
    [
        "print('x')",
        "for i = 1, 1e5 do print(i) end",
        "print('x') sleep(0) print('y') sleep(0) print('z')",
        "io.write('x') io.flush() io.write('y')",
        "Task.spawn(function() sleep(0) print('x') end) sleep(0) print('y')",
        "io.stderr:write('') print('x') os.exit(0)",
    ],
)
def test_a_reader_that_has_gone_ends_it_silently(start, source):
    process = start("io.read() " + source, stdin=subprocess.PIPE)
    process.stdout.close()
    process.stdin.write(b"go\n")
    process.stdin.flush()
    assert process.wait(20) == 141
    assert process.stderr.read() == b""
