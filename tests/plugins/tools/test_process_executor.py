"""process-executor with real programs."""

import asyncio
import os
import sys
import time

import pytest

from llmspell import ToolContext
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError, ToolError
from llmspell_tools.process_executor import MOST_BYTES


@pytest.fixture
def run(tools, tmp_path, monkeypatch):
    """Run a program in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def run(executable, *words, env=(), programs=("sh", "cat", "env"), **arguments):
        context = ToolContext(grants=Grants(write=[str(tmp_path)], env=env, programs=programs))
        return asyncio.run(
            tools["process-executor"].run({"executable": executable, "arguments": list(words), **arguments}, context)
        )

    return run


def shell(run, code, **arguments):
    return run("sh", "-c", code, **arguments)


def test_what_a_program_prints(run):
    result = shell(run, "echo out; echo wrong >&2; exit 3")
    assert result.pop("duration_ms") >= 0
    assert result == {"exit_code": 3, "success": False, "stdout": "out\n", "stderr": "wrong\n"}
    assert shell(run, "exit 0")["success"]
    assert shell(run, "kill -9 $$")["exit_code"] == -9


def test_words_are_not_read_by_a_shell(run):
    assert run("sh", "-c", 'printf "%s," "$@"', "x", "a b", "$HOME", "*", ";", "")["stdout"] == "a b,$HOME,*,;,,"


def test_input_and_folder(run, tmp_path):
    (tmp_path / "below").mkdir()
    assert run("cat", input="grün\n" * 100_000)["stdout"] == "grün\n" * 100_000
    assert run("cat")["stdout"] == "", "stdin is at its end"
    assert shell(run, "pwd", working_directory="below")["stdout"] == f"{tmp_path / 'below'}\n"


def test_a_program_sees_what_scripts_see_and_what_it_needs(run, monkeypatch):
    for name in ("SHOWN", "HIDDEN", "SHOWN_TOKEN"):
        monkeypatch.setenv(name, "value")
    seen = run("env", env=["SHOWN*"], environment={"SHOWN": "other", "LC_TIME": "C"})["stdout"].splitlines()
    assert {"SHOWN=other", "LC_TIME=C", f"PATH={os.environ['PATH']}", f"HOME={os.environ['HOME']}"} <= set(seen)
    names = {line.partition("=")[0] for line in seen}
    assert names.isdisjoint({"HIDDEN", "SHOWN_TOKEN"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"executable": "ls"}, "`[sandbox] programs`"),
        ({"executable": "/bin/ls"}, "--allow-program /bin/ls"),
        ({"executable": "sh", "working_directory": "/"}, "`[sandbox] read`"),
        ({"executable": "sh", "environment": {"HIDDEN": "x"}}, "`[sandbox] env`"),
    ],
)
def test_what_is_not_granted(run, arguments, said):
    with pytest.raises(SandboxError) as error:
        run(**arguments)
    assert said in error.value.hint


@pytest.mark.parametrize("name", ["LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PATH", "API_KEY"])
def test_variables_that_nobody_sets(run, name):
    with pytest.raises(SandboxError, match=name):
        run("env", env=["*"], environment={name: "x"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"working_directory": "nowhere"}, "there is no such folder"),
        ({"arguments": ["a\0b"]}, "cannot run sh"),
        ({"environment": {"LC_X=": "y"}}, "cannot run sh"),
        ({"environment": {"LC_X": "a\0b"}}, "cannot run sh"),
    ],
)
def test_what_cant_be_run(tools, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    context = ToolContext(grants=Grants(write=["."], programs=["sh"]))
    with pytest.raises(ToolError, match=said):
        asyncio.run(tools["process-executor"].run({"executable": "sh", **arguments}, context))


def test_a_granted_path_that_is_no_program(run, tmp_path):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(ToolError, match="Permission denied"):
        run(str(tmp_path / "text"), programs=[str(tmp_path / "text")])
    with pytest.raises(InvalidRequest):
        run("sh", timeout=-1)


def test_output_is_cut_and_the_program_goes_on(run):
    result = shell(run, f"head -c {3 * MOST_BYTES} /dev/zero | tr '\\0' x; echo end >&2; exit 5")
    assert (len(result["stdout"]), result["truncated"]) == (MOST_BYTES, True)
    assert (result["stderr"], result["exit_code"]) == ("end\n", 5)


def test_output_that_is_no_text(run):
    assert shell(run, "printf '\\377a'")["stdout"] == "\ufffda"


# ── the end of its time ───────────────────────────────────────────────────────────────────────────────────────────────


def alive(pid):
    """Whether a process is there and not only waiting to be reaped by whoever adopted it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid):
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return not alive(pid)


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@linux
def test_a_program_and_all_that_it_started_end_with_their_time(run, tmp_path):
    code = "sleep 1000 & echo $! > child; (trap '' TERM INT; echo started; sleep 1000) & wait"
    with pytest.raises(ToolError) as error:
        shell(run, code, timeout=0.5)
    assert error.value.message == "sh took longer than 0.5 s and was stopped; it had printed: started"
    assert ends(int((tmp_path / "child").read_text()))


@linux
def test_what_is_left_running_ends_with_the_program(run, tmp_path):
    result = shell(run, "sleep 1000 & echo $! > child; echo done")
    assert result["stdout"] == "done\n"
    assert ends(int((tmp_path / "child").read_text()))


def test_what_has_gone_into_a_session_of_its_own_is_not_waited_for(run, tmp_path):
    (tmp_path / "away.py").write_text("import os, time; os.setsid(); open('there', 'w'); time.sleep(3)")
    code = f"{sys.executable} away.py & while [ ! -e there ]; do :; done; echo done"
    assert shell(run, code)["stdout"] == "done\n"


@linux
def test_cancelling_ends_it(tools, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("started")
    context = ToolContext(grants=Grants(write=["."], programs=["sh"]))

    async def cancel():
        arguments = {"executable": "sh", "arguments": ["-c", "echo $$ > started; sleep 1000"]}
        task = asyncio.create_task(tools["process-executor"].run(arguments, context))
        pid = int(await asyncio.to_thread((tmp_path / "started").read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert ends(asyncio.run(cancel()))


def test_many_at_once(tools, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    context = ToolContext(grants=Grants(write=["."], programs=["sh"]))

    async def run(number):
        return await tools["process-executor"].run({"executable": "sh", "arguments": ["-c", f"echo {number}"]}, context)

    async def all_of_them():
        return await asyncio.gather(*(run(number) for number in range(40)))

    assert [result["stdout"] for result in asyncio.run(all_of_them())] == [f"{number}\n" for number in range(40)]
