"""What the REPL says, wherever stdout and stderr lead."""

import io
import sys
import threading
from types import SimpleNamespace

import pytest

from llmspell.errors import ModelNotFound
from llmspell.lua.driver import Failure
from llmspell.repl.output import Output


class Stream(io.TextIOWrapper):
    """A stream of a charset, of a terminal or not, whose text can be read."""

    def __init__(self, encoding="utf-8", terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self):
        return self._terminal

    @property
    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def output():
    return Output(SimpleNamespace(highlight=True))


@pytest.fixture
def streams(monkeypatch):
    """Put streams in place of stdout and stderr: ``streams(encoding=…, terminal=…)``."""

    def streams(**options):
        out, err = Stream(**options), Stream(**options)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    return streams


def say_all(output):
    output.say("a line")
    output.note("a note")
    output.lua("{ x = 1 }")
    output.table(("NAME", "SIZE"), [("one", 1)])
    output.warn("a warning", "a hint")
    output.report(ModelNotFound("no such model", hint="pull it"))
    output.failure(Failure("x", "app.lua:1: no", "try", "app.lua:1: in main chunk"), prefix="in a task: ")
    output.fault(KeyError("k"))


OUT = "a line\na note\n{ x = 1 }\nNAME  SIZE\none      1\n"
ERR = """\
a warning
hint: a hint
error: no such model
hint: pull it
in a task: app.lua:1: no
stack traceback:
    app.lua:1: in main chunk
hint: try
error: llmspell failed with KeyError: 'k'
hint: this is a fault in llmspell or a plugin; the session goes on
"""


def test_what_goes_to_a_file_has_no_codes(output, streams):
    out, err = streams()
    say_all(output)
    assert (out.text, err.text) == (OUT, ERR)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(output, streams, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    out, err = streams(terminal=True)
    say_all(output)
    assert not output.colour
    assert (out.text, err.text) == (OUT, ERR)


def test_a_terminal_gets_colour(output, streams):
    out, err = streams(terminal=True)
    say_all(output)
    assert output.colour
    assert out.text == (
        "a line\n\x1b[2ma note\x1b[0m\n{ x = \x1b[36m1 \x1b[0m}\n\x1b[1mNAME  SIZE\x1b[0m\none      1\n"
    )
    assert err.text.splitlines()[:2] == ["\x1b[31ma warning\x1b[0m", "\x1b[2mhint: a hint\x1b[0m"]


def test_colour_may_be_forced_and_highlighting_switched_off(streams, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    out, _ = streams()
    Output(SimpleNamespace(highlight=False)).lua("{ x = 1 }")
    Output(SimpleNamespace(highlight=True)).lua("1")
    assert out.text == "{ x = 1 }\n\x1b[36m1\x1b[0m\n"


def test_texts_of_others_are_harmless_and_keys_hidden(output, streams, monkeypatch):
    out, err = streams()
    key = "sk-" + "a1B2" * 12
    for say in (output.say, output.note, output.lua, output.warn):
        say(f"\x1b[2J {key}")
    output.table(("\x1b[2J",), [("\x1b[31m",)])
    output.failure(Failure(None, f"{key}\x1b", "\x1b", f"\x1b{key}"))
    both = out.text + err.text
    assert "\x1b" not in both
    assert key not in both
    assert out.text.startswith("\\x1B[2J ***\n")


def test_the_python_cause_follows_where_it_is_given(output, streams):
    _, err = streams()
    try:
        raise KeyError("deep")
    except KeyError as error:
        output.failure(Failure(None, "no"), error)
    assert err.text.startswith("no\nTraceback (most recent call last):\n")
    assert err.text.endswith("KeyError: 'deep'\n")


def test_a_charset_without_some_character_gets_a_mark(output, streams):
    out, err = streams(encoding="latin-1")
    output.say("é 漢 …")
    output.warn("half \udc80 漢")
    assert (out.text, err.text) == ("é ? ?\n", "half ? ?\n")


class Broken(Stream):
    def write(self, text):
        raise BrokenPipeError("nobody reads")


@pytest.mark.parametrize("kind", ["none", "closed", "broken", "full"])
def test_nothing_is_raised_where_nobody_is_told(output, monkeypatch, kind):
    stream = {"none": None, "closed": Stream(), "broken": Broken()}.get(kind)
    if kind == "full":
        stream = open("/dev/full", "w")  # noqa: SIM115 - closing it fails
    if kind == "closed":
        stream.close()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        say_all(output)
    if kind == "full":
        with pytest.raises(OSError, match="No space left"):
            stream.close()


def test_what_was_said_before_an_error_comes_before_it(output, monkeypatch):
    seen = []
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Noting(name, seen))
    sys.stdout.write("one")
    output.warn("two")
    done = [entry for entry in seen if entry[1]]
    assert done == [("stdout", "one"), ("stdout", "flush"), ("stderr", "two\n"), ("stderr", "flush")]


class Noting:
    """Notes what is done to it."""

    encoding = "utf-8"

    def __init__(self, name, seen):
        self._name, self._seen = name, seen

    def isatty(self):
        return False

    def write(self, text):
        self._seen.append((self._name, text))

    def flush(self):
        self._seen.append((self._name, "flush"))


def test_threads_do_not_tear_each_others_lines(output, streams):
    out, _ = streams()

    def work(name):
        for number in range(200):
            output.lua(f"{{ {name} = {number} }}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(out.text.splitlines()) == sorted(f"{{ {name} = {n} }}" for name in "abcd" for n in range(200))


def test_the_size_is_that_of_the_terminal(output, monkeypatch):
    monkeypatch.setenv("COLUMNS", "123")
    monkeypatch.setenv("LINES", "45")
    assert (output.width, output.height) == (123, 45)


def test_a_prompt_begins_its_line(terminal):
    before = terminal.row
    terminal.run("for i = 1, 3 do io.write(i, ' ') end")
    terminal.run("io.write(('x'):rep(80)) x = 1")
    assert terminal.lines[before : terminal.row] == [
        "lua> for i = 1, 3 do io.write(i, ' ') end",
        "1 2 3",
        "lua> io.write(('x'):rep(80)) x = 1",
        "x" * 80,
    ]


def test_results_are_shown_in_colour(terminal):
    terminal.run("{ 1, name = 'text', cut = ('x'):rep(300) }")
    assert terminal.cell('"text"').fg == "green"
    assert terminal.cell("-- cut short").fg != "default"
