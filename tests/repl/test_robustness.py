"""A part that fails is said once, or shows nothing; it never ends the session."""

import os

import pytest

from fault_server import FaultServer, cut
from llmspell.testing.plugin_files import write_plugin

COMPLETER = """\
from llmspell.repl.completion.values import Values


def broken(*args, **more):
    raise RuntimeError("the test has broken it")


Values.fields = Values.names = broken
"""
TOOLBAR = """\
from llmspell.repl import toolbar

toolbar.toolbar = lambda *args, **more: 1 / 0
"""
FAR = """\
[models]
default = "far/x"

[providers.far]
type = "openai"
base_url = "{url}"
retries = 0
"""
PLUGINS = {
    "import": "raise RuntimeError('this plugin fails to load')",
    "hook": """\
from llmspell import hookimpl


@hookimpl
def llmspell_lua_modules():
    raise RuntimeError('this plugin fails when it is asked')


@hookimpl
def llmspell_tools():
    raise RuntimeError('this plugin fails when it is asked')


@hookimpl
def llmspell_providers():
    raise RuntimeError('this plugin fails when it is asked')
""",
}


@pytest.fixture
def site(tmp_path):
    """A folder in front of all others on the path of Python."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


def test_a_failing_completer(repl, site):
    (site / "sitecustomize.py").write_text(COMPLETER)
    terminal = repl(PYTHONPATH=str(site))
    terminal.type("string.re")
    terminal.wait_for(lambda t: t.cursor_line == "lua> string.re")
    terminal.press("tab", "tab")
    terminal.type("p('ab', 2)")
    terminal.wait_for("rep('ab', 2)")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.lines[terminal.row - 1] == '"abab"'
    terminal.type("functio")
    terminal.wait_for(lambda t: any("function" in line for line in t.below))  # the other sources go on


def test_a_failing_toolbar(repl, site):
    (site / "sitecustomize.py").write_text(TOOLBAR)
    terminal = repl(PYTHONPATH=str(site))
    assert terminal.run("1 + 1")[-1] == "2"
    assert terminal.run("2 + 2")[-1] == "4"


@pytest.mark.parametrize("source", PLUGINS.values(), ids=PLUGINS)
def test_a_plugin_that_raises(repl, site, source):
    write_plugin(site, "faulty", source)
    terminal = repl(PYTHONPATH=str(site))
    assert terminal.run("1 + 1")[-1] == "2"
    terminal.run(".plugins")
    terminal.run(".tools")
    terminal.run(".models")
    terminal.run(".status")
    assert any("faulty" in line for line in terminal.lines)
    assert terminal.run("2 + 2")[-1] == "4"


def test_no_server_there(repl):
    repl.config.write_text(FAR.format(url="http://127.0.0.1:9/v1"))
    terminal = repl()
    shown = "\n".join(terminal.run("Agent.create{ model = 'far/x' }:execute('hello')"))
    assert "127.0.0.1:9" in shown
    terminal.run(".status")
    terminal.run(".models")
    assert terminal.run("1 + 1")[-1] == "2"


def test_a_server_that_dies_in_the_middle_of_an_answer(repl):
    with FaultServer() as server:
        server.enqueue(cut(after=900))
        repl.config.write_text(FAR.format(url=server.openai_url))
        terminal = repl()
        terminal.enter(".chat")
        terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "chat> ")
        before = terminal.row
        terminal.run("hello")
        assert len(terminal.lines[before : terminal.row]) > 2
    before = terminal.row
    terminal.run("hello again, now that nobody listens")
    assert "127.0.0.1" in "".join(terminal.lines[before:])
    terminal.enter(".lua")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "lua> ")
    assert terminal.run("#chat:messages()")[1:] == ["0"]


def test_memory_that_runs_out(repl):
    repl.config.write_text(repl.config.read_text() + "\n[sandbox]\nmemory_mb = 64\n")
    terminal = repl()
    terminal.run("kept = 5")
    shown = "\n".join(terminal.run("hog = {}; for i = 1, 1e9 do hog[i] = ('x'):rep(1000) .. i end"))
    assert "memory" in shown
    assert terminal.run("kept")[1:] == ["5"]


def test_a_stack_that_overflows(terminal):
    shown = "\n".join(terminal.run("local function deep() return 1 + deep() end deep()"))
    assert "stack overflow" in shown
    assert terminal.run("1")[1:] == ["1"]


def test_values_that_fail_to_be_shown(terminal):
    terminal.run("bad = setmetatable({ x = 1 }, { __tostring = function() error('not today') end })")
    terminal.run("bad")
    terminal.run("setmetatable({}, { __tostring = function() return 5 end })")
    terminal.run("setmetatable({}, { __name = 7, __pairs = function() error('no') end })")
    assert terminal.run("1")[1:] == ["1"]


def test_a_value_that_never_ends_being_shown_is_cancelled(terminal):
    terminal.run("endless = setmetatable({}, { __tostring = function() print('beg' .. 'un') while true do end end })")
    terminal.enter("endless")
    terminal.wait_for(lambda t: "begun" in t.screen)
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("1")[1:] == ["1"]


def test_broken_globals(repl):
    terminal = repl()
    for name in ("print", "tostring", "pairs", "type", "string", "table", "error", "setmetatable", "Agent", "Task"):
        terminal.run(f"{name} = nil")
    terminal.run("setmetatable = 5 _G = nil _ENV = nil")
    assert terminal.run("{ 1, a = 2 }")[1:] == ["{ 1, a = 2 }"]
    terminal.type("alph")
    terminal.press("tab")
    terminal.wait_for("alph")
    terminal.press("ctrl-c")
    assert terminal.run("1 + 1")[1:] == ["2"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_nobody_may_write(repl):
    repl.home.chmod(0o500)
    try:
        terminal = repl()
        assert terminal.run("1 + 1")[-1] == "2"
    finally:
        repl.home.chmod(0o700)


def test_a_home_that_is_a_file(repl, tmp_path):
    (tmp_path / "file").write_text("")
    terminal = repl(LLMSPELL_HOME=str(tmp_path / "file"))
    assert terminal.run("1 + 1")[-1] == "2"


def test_a_history_that_is_no_text(repl):
    first = repl()
    first.run("one = 1")
    first.press("ctrl-d")
    first.wait_end()
    files = [path for path in repl.home.rglob("*history*") if path.is_file() and path.suffix != ".db"]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes() + b"\xff\xfe\x00\n+\xc3\n# half")
    second = repl()
    assert second.run("1 + 1")[-1] == "2"


def test_a_terminal_that_goes_away_ends_the_process(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() while true do sleep(0.01) end end); x = 1")
    terminal.hang_up()
