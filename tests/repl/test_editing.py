"""The user's editor, and the commands about what was typed."""

import pytest

from llmspell.errors import UsageError
from llmspell.repl.editing import edited
from repl.shells import do, opened


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Make an editor: a shell script that gets the file's path."""
    monkeypatch.delenv("VISUAL", raising=False)

    def make(script):
        path = tmp_path / "an editor.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("EDITOR", f"'{path}' --wait")

    return make


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    with opened() as shell:
        yield shell


def test_the_editor_gets_the_text_in_a_private_lua_file(editor, tmp_path):
    editor(
        f"""ls -ld "$(dirname "$2")" > '{tmp_path}/seen'; echo "$1 $2" >> '{tmp_path}/seen'; echo "-- 'ü'" >> "$2" """
    )
    assert edited("x = '日本'\n") == "x = '日本'\n-- 'ü'"
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith("drwx------") and "--wait" in seen and seen.endswith(".lua\n")


def test_an_editor_that_fails_means_leave_it(editor):
    editor("exit 1")
    assert edited("x = 1") is None


def test_visual_comes_first(editor, monkeypatch):
    editor("echo x >> $2")
    monkeypatch.setenv("VISUAL", "false")
    assert edited("x = 1") is None


@pytest.mark.parametrize("value", ["/no/such/editor", "vi 'unclosed"])
def test_an_editor_that_is_not_there_is_said(monkeypatch, value):
    monkeypatch.setenv("VISUAL", value)
    with pytest.raises(UsageError) as caught:
        edited("x = 1")
    assert "VISUAL" in f"{caught.value.message} {caught.value.hint}"


def test_no_editor_at_all_is_said(monkeypatch, tmp_path):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no editor"):
        edited("x = 1")


def test_edit_runs_the_last_input_as_it_is_afterwards(shell, editor, capsys):
    editor("echo 'print(x + 1)' >> \"$2\"")
    shell.inputs.append("local x = 41")
    do(shell, ".edit")
    assert capsys.readouterr().out == "42\n"
    assert shell.inputs[-1] == shell.histories["lua"].entries[-1] == "local x = 41\nprint(x + 1)"


def test_edit_takes_a_file_and_leaves_it(shell, editor, tmp_path, capsys):
    editor("echo 'print(2)' >> \"$2\"")
    file = tmp_path / "file.lua"
    file.write_text("print(1)\n")
    do(shell, f".edit {file}")
    assert capsys.readouterr().out == "1\n2\n"
    assert file.read_text() == "print(1)\n"


@pytest.mark.parametrize("data", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_said(shell, tmp_path, data):
    if data:
        (tmp_path / "file.lua").write_bytes(data)
    with pytest.raises(UsageError, match="can't read"):
        do(shell, f".edit {tmp_path}/file.lua")


def test_nothing_is_run_where_the_editor_says_so(shell, editor, capsys):
    editor("exit 1")
    shell.inputs.append("print(1)")
    do(shell, ".edit")
    assert "nothing to run" in capsys.readouterr().out
    assert shell.inputs == ["print(1)"]


def listed(shell, capsys, line):
    shell.histories[shell.mode].add(line)  # as the prompt has done by then
    do(shell, line)
    return capsys.readouterr().out


def test_history_lists_the_latest_inputs_or_those_with_a_text(shell, capsys):
    for n in range(30):
        shell.histories["lua"].add(f"x{n} = {n}")
    shown = listed(shell, capsys, ".history").split("\n")
    assert (len(shown), shown[0].split(), shown[19].split()) == (21, ["11", "x10", "=", "10"], ["30", "x29", "=", "29"])
    assert listed(shell, capsys, ".history 2").split("\n")[0].split()[1:] == ["x29", "=", "29"]
    assert [line.split()[1] for line in listed(shell, capsys, ".history X2").split("\n")[:3]] == ["x2", "x20", "x21"]
    assert "no such input" in listed(shell, capsys, ".history nothing")


def test_history_shows_the_beginning_of_long_inputs_and_no_codes(shell, capsys):
    shell.histories["lua"].add("\n".join(f"line{n} = '\x1b[2J'" for n in range(20)))
    shown = listed(shell, capsys, ".history")
    assert "line7" in shown and "line8" not in shown and "12 more lines" in shown
    assert "\x1b" not in shown
