"""A Lua program whose model runs in a process of its own, and what happens to it there."""

import os
import select
import signal
import subprocess
import sys

import pytest

from llmspell_gguf import holders

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="waits by pidfd")

CAUGHT = """
local agent = Agent.create{ model = "gguf/smollm2:135m", max_tokens = 900, temperature = 0 }
local other = Agent.create{ model = "gguf/smollm2:135m", max_tokens = 2 }
other:execute("Say hello.")
local ok, err = pcall(function()
  for text in agent:stream("Tell me a long story about a lighthouse keeper and the sea.") do
    print("text") io.stdout:flush()
  end
end)
print(ok, err.type, err.retryable, #err.partial > 0, tostring(err):match("died of %w+"))
print(#agent:execute{ text = "Say hello.", max_tokens = 3 }.text > 0, #agent:messages())
"""


@pytest.fixture
def script(llmspell_home, tmp_path):
    """Start a Lua program with isolated engines; it is in a session of its own."""
    started = []

    def start(source):
        (tmp_path / "llmspell.toml").write_text('[providers.gguf]\nisolation = "process"\nthreads = 1\n')
        (tmp_path / "app.lua").write_text(source)
        command = [sys.executable, "-m", "llmspell", "run", "app.lua"]
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def holding(process):
    """The process that holds the model of a program which says "text"."""
    assert process.stdout.readline() == "text\n"
    (model,) = holders.others()
    assert (model.id, model.program) == ("smollm2:135m", "llmspell run app.lua")
    assert model.pid != process.pid
    return model.pid


def test_a_script_catches_a_crash_and_goes_on(script):
    program = script(CAUGHT)
    os.kill(holding(program), signal.SIGSEGV)
    out, err = program.communicate(timeout=100)
    assert (program.returncode, err) == (0, ""), err
    said = [line for line in out.splitlines() if line != "text"]
    assert said == ["false\tprovider_crashed\ttrue\ttrue\tdied of SIGSEGV", "true\t2"]
    assert holders.others() == []


def test_a_script_that_does_not_catch_it_ends_with_the_hint(script):
    program = script(CAUGHT.replace("pcall", "(function(f) return true, f() end)"))
    os.kill(holding(program), signal.SIGKILL)
    _, err = program.communicate(timeout=100)
    assert program.returncode == 4
    assert "died of SIGKILL" in err
    assert "call again" in err
    assert "Python" not in err


def test_an_interrupt_of_the_terminal_ends_both(script):
    program = script(CAUGHT)
    child = holding(program)
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=100)
    assert (program.returncode, err) == (130, "")
    assert gone(child)


def gone(pid):
    """Wait until a process that is no child of this one has ended."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 20)[0])
    finally:
        os.close(watched)
