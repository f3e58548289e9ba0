"""What was typed, from one session to the next."""

import os
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from llmspell.repl import history
from llmspell.repl.history import InputHistory, histories, holds_a_secret


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "repl_history"


@pytest.fixture
def said():
    return []


@pytest.fixture
def opened(path, said):
    """A session's history, as each session opens it."""
    return lambda keeps=True: InputHistory(str(path), lambda: keeps, said.append)


def add(kept, *texts):
    for text in texts:
        kept.add(text)


def test_the_next_session_has_it(opened, path):
    add(opened(), "x = 1", "for i = 1, 2 do\n\n  print(i)\nend", "'日本'", "\tx", "\nx")
    assert opened().entries == ["x = 1", "for i = 1, 2 do\n\n  print(i)\nend", "'日本'", "\nx"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_twice_is_there_once(opened):
    add(opened(), "x", "x", "y", "x")
    add(opened(), "x")
    assert opened().entries == ["x", "y", "x"]


@pytest.mark.parametrize("text", [" x = 'private'", "k = 'sk-abcdefghijklmnop1234567'", "api_key = 'abcdefghij'"])
def test_what_is_private_is_there_until_the_session_ends(opened, path, text):
    kept = opened()
    add(kept, "x", text)
    assert kept.entries == ["x", text]
    assert opened().entries == ["x"]
    assert text.strip() not in path.read_text()


def test_nothing_is_kept_where_that_is_switched_off(opened, path):
    kept = opened(keeps=False)
    add(kept, "x")
    assert kept.entries == ["x"]
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Agent.create{ api_key = 'abcdefgh1' }", True),
        ('t["password"] = "correcthorse"', True),
        ("url = 'https://me:secret@example.org/'", True),
        ("key = 'short'", False),
        ("t = { key = 'some words of a text' }", False),
        ("max_tokens = 100 name = 'abcdefghijkl'", False),
        ("key = f(x) y = 'abcdefghijkl'", False),
        ("What is a key?", False),
    ],
)
def test_what_looks_like_a_key(text, holds):
    assert holds_a_secret(text) is holds


def test_two_sessions_at_once(opened):
    first, second = opened(), opened()
    assert first.entries == second.entries == []
    add(first, "a")
    add(second, "b")
    add(first, "c")
    assert opened().entries == ["a", "b", "c"]


def test_many_processes_append_whole_entries(path, opened):
    program = (
        "import sys; from llmspell.repl.history import InputHistory\n"
        "kept = InputHistory(sys.argv[1], lambda: True, print)\n"
        "for n in range(40): kept.add('\\n'.join([f'{sys.argv[2]} {n}'] * 200))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, path, str(number)]) for number in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    entries = opened().entries
    assert sorted(entries) == sorted("\n".join([f"{number} {n}"] * 200) for number in range(3) for n in range(40))


@pytest.mark.parametrize(
    "broken",
    [b"", b"\xff\xfe\x00\n", b"no history at all\n", b"+x = 1\n\n# half an entr", b"\n# 2026\n+x = '\xc3", b"+\n+\n"],
)
def test_a_file_that_is_broken_still_takes_more(opened, path, broken):
    path.parent.mkdir()
    path.write_bytes(broken)
    before = opened().entries
    add(opened(), "y = 2")
    assert opened().entries == [*before, "y = 2"]


def test_half_an_entry_is_shown_as_far_as_it_was_written(opened, path):
    path.parent.mkdir()
    path.write_bytes(b"\n# 2026\n+one\n\n# 2026\n+two\n+thr")
    assert opened().entries == ["one", "two\nthr"]


@pytest.mark.parametrize("hindrance", ["folder", "file"])
def test_where_nothing_can_be_written_that_is_said_once(opened, path, said, hindrance):
    if hindrance == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.write_text("")
    kept = opened()
    add(kept, "x", "y")
    assert kept.entries == ["x", "y"]
    assert len(said) == 1 and str(path) in said[0]


def test_a_session_begins_with_the_latest(opened, path, monkeypatch):
    monkeypatch.setattr(history, "MOST", 10)
    add(opened(), *(f"x = {n}" for n in range(25)))
    latest = [f"x = {n}" for n in range(15, 25)]
    assert opened().entries == latest
    monkeypatch.undo()
    assert opened().entries == latest  # the file is shorter too
    assert os.listdir(path.parent) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_long_inputs_is_cut_too(opened, path, monkeypatch):
    monkeypatch.setattr(history, "MOST_BYTES", 1000)
    add(opened(), *(f"x = '{n:0100}'" for n in range(30)))
    assert len(opened().entries) == 4
    assert path.stat().st_size < 1000


def test_each_mode_has_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    of = histories(SimpleNamespace(history=True), print)
    of["lua"].add("x = 1")
    of["chat"].add("What is it?")
    of = histories(SimpleNamespace(history=True), print)
    assert (of["lua"].entries, of["chat"].entries) == (["x = 1"], ["What is it?"])
