"""The command as a user meets it: answers, errors, exit codes."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from llmspell import __version__
from llmspell.testing.plugin_files import write_plugin


def outcome(done):
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(llmspell, flag):
    assert outcome(llmspell(flag)) == (0, f"llmspell {__version__}\n", "")
    assert llmspell("--debug", flag).stdout == f"llmspell {__version__}\n"


def test_version_imports_next_to_nothing(llmspell):
    code = "import sys; from llmspell.cli import main; main(['--version']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=paths(), check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"typing", "argparse", "re", "msgspec", "pluggy", "asyncio", "llmspell.errors"}


def test_a_script_of_one_line_leaves_heavy_modules_alone(llmspell):
    code = "import sys; from llmspell.cli import main; main(['exec', 'print(1)']); print(*sys.modules, file=sys.stderr)"
    env = llmspell.environment({"PYTHONPATH": ""})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=llmspell.cwd)
    assert done.stdout == "1\n"
    heavy = {"asyncio", "httpx", "rich", "importlib.metadata", "jsonschema", "tomllib", "platformdirs", "tomlkit"}
    assert not set(done.stderr.split()) & (heavy | {"difflib", "argcomplete", "llmspell.providers.hub"})


def paths():
    import llmspell

    return {"PYTHONPATH": os.path.dirname(os.path.dirname(llmspell.__file__))}


def test_it_explains_itself(llmspell):
    done = llmspell("--help")
    assert done.returncode == 0
    assert "llmspell [options] VERB" in done.stdout
    assert "shout" in done.stdout
    assert llmspell("help", "model", "pull").stdout.startswith("usage: llmspell model pull")
    assert llmspell("model", "--help").stdout.startswith("usage: llmspell model VERB")


def test_usage_errors_go_to_stderr_with_a_hint_and_exit_2(llmspell):
    done = llmspell("modle", "list")
    assert outcome(done) == (2, "", "error: llmspell has no verb 'modle'\nhint: did you mean `llmspell model`?\n")
    assert llmspell("help", "modle").returncode == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "none.lua"], "error: no such script: none.lua"),
        (["none.lua"], "error: no such script: none.lua"),
        (["-m", "a b", "exec", "x()"], "error: --model: 'a b' is not a model name"),
        (["--remap", "x", "exec", "x()"], "error: --remap: cannot read 'x'"),
        (["run", "--timeout", "-1", "none.lua"], "error: --timeout must be a number above 0, not -1"),
        (["config", "show", "modles"], "error: there is no setting 'modles'"),
    ],
)
def test_more_usage_errors(llmspell, words, message):
    done = llmspell(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_scripts_run_with_their_arguments(llmspell):
    script = llmspell.cwd / "hello.lua"
    script.write_text('#!/usr/bin/env llmspell\nprint("hello", ...)\n')
    assert outcome(llmspell("run", "hello.lua", "-m", "x")) == (0, "hello\t-m\tx\n", "")
    assert outcome(llmspell("hello.lua", "--json")) == (0, "hello\t--json\n", "")
    assert outcome(llmspell("run", "-", "a", stdin="print('in', ...)")) == (0, "in\ta\n", "")
    assert outcome(llmspell("exec", "print(io.read('l'))", stdin="line\n")) == (0, "line\n", "")


def test_without_words_it_runs_what_stdin_has(llmspell):
    assert outcome(llmspell(stdin="print('in', ...) os.exit(7)")) == (7, "in\n", "")
    assert outcome(llmspell("-v", stdin="print(1)")) == (0, "1\n", "")
    assert outcome(llmspell()) == (0, "", "")
    failed = llmspell("--timeout", "0.2", stdin="error('no')")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "stdin:1: no" in failed.stderr


@pytest.mark.parametrize("words", [["run", "-"], []])
def test_a_program_on_stdin_must_be_text(llmspell, words):
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", *words],
        input=b"print('\xff')",
        capture_output=True,
        env=llmspell.environment({}),
        cwd=llmspell.cwd,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"not UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["exec", "os.exit(7)"], 7),
        (["exec", "error('no')"], 1),
        (["exec", "Agent.create{model='nobody/x'}:execute('hi')"], 4),
        (["exec", "Agent.create{model='tiny:1b'}:execute('hi')"], 5),
        (["exec", "--timeout", "0.2", "sleep(60)"], 124),
        (["exec", "--timeout", "0.2", "while true do end"], 124),
    ],
)
def test_exit_codes_of_programs(llmspell, words, code):
    assert llmspell(*words).returncode == code


def test_a_missing_model_is_named_with_the_command_that_fetches_it(llmspell):
    done = llmspell("exec", "Agent.create{model='tiny:1b'}:execute('hi')")
    assert "`llmspell model pull tiny:1b`" in done.stderr
    assert "Pull tiny" not in done.stderr, "nobody can be asked"


def test_flags_reach_the_program(llmspell):
    (llmspell.cwd.parent / "other").mkdir()
    (llmspell.cwd.parent / "other" / "f.txt").write_text("secret plan")
    code = "print(io.open('../other/f.txt') and 'read' or 'denied', os.getenv('COLOUR'))"
    assert llmspell("exec", code, env={"COLOUR": "blue"}).stdout == "denied\tnil\n"
    flags = ["--allow-read", "../other", "--allow-env", "COL*"]
    assert llmspell("exec", *flags, code, env={"COLOUR": "blue"}).stdout == "read\tblue\n"


def test_flags_grant_hosts_and_programs_to_tools(llmspell):
    tools = {"LLMSPELL_PLUGINS": "lua,tools"}
    code = """
        local function try(...) local done = Tool.execute(...) print(done.success or done.error.message) end
        try("process-executor", { executable = "echo" })
        try("http-request", { input = "http://127.0.0.1:1", retry = 0 })
    """
    denied = llmspell("exec", code, env=tools).stdout.splitlines()
    assert denied == ["echo: not granted by the sandbox", "127.0.0.1: not granted by the sandbox"]
    flags = ["--allow-host", "127.0.0.1", "--allow-program", "echo"]
    private = llmspell("exec", *flags, code, env=tools).stdout.splitlines()
    assert private[0] == "true" and "of this machine or its network" in private[1]
    reached = llmspell("exec", "--allow-private-host", "127.0.0.1:1", code, env=tools).stdout.splitlines()
    assert "no answer from http://127.0.0.1:1" in reached[1]


def test_the_reader_of_stdout_goes_silently(llmspell):
    waiting = "for i = 1, 1e6 do print(i) sleep(0.001) end"
    for words in (["exec", "for i = 1, 1e6 do print(i) end"], ["exec", waiting], ["config", "show"]):
        with subprocess.Popen(
            [sys.executable, "-m", "llmspell", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=llmspell.environment({}),
            cwd=llmspell.cwd,
        ) as child:
            child.stdout.close()
            assert child.stderr.read() == b""
            assert child.wait() == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_script_whose_output_is_lost_fails_and_says_so_once(llmspell, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llmspell", "exec", "print(1)"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=llmspell.environment({"PYTHONUNBUFFERED": unbuffered}),
            cwd=llmspell.cwd,
        )
    assert done.returncode == 1
    assert done.stderr.count("cannot write to stdout: No space left on device") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_full_disk_behind_stdout_is_said(llmspell):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llmspell", "config", "path"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=llmspell.environment({}),
            cwd=llmspell.cwd,
        )
    assert done.returncode == 1
    assert re.fullmatch(r"error: cannot write( to stdout)?: No space left on device\n", done.stderr)


def test_ctrl_c_while_a_program_waits(llmspell):
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "exec", "print('up') io.stdout:flush() sleep(60)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=llmspell.environment({}),
        cwd=llmspell.cwd,
    ) as child:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert b"Traceback" not in child.stderr.read()


def test_a_fault_is_one_line_and_a_traceback_only_on_request(llmspell):
    done = llmspell("explode")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-2:] == [
        "error: llmspell failed with RuntimeError: boom bang",
        "hint: this is a fault in llmspell; run again with --debug to see where",
    ]
    assert "Traceback" not in done.stderr
    assert "Traceback" in llmspell("--debug", "explode").stderr


def test_verbs_of_plugins(llmspell):
    done = llmspell("shout", "hey", "--times", "2")
    assert outcome(done) == (9, "HEYHEY\n", "")
    assert llmspell("shout", "--help").stdout.startswith("usage: llmspell shout")
    assert llmspell("shout").returncode == 2


def test_a_verb_of_a_plugin_that_takes_the_name_of_ours_is_left_out(llmspell):
    source = "from llmspell import Command, hookimpl\n@hookimpl\ndef llmspell_commands():\n"
    source += "    return [Command('doctor', 'x', lambda arguments: 99)]"
    write_plugin(llmspell.cwd.parent / "plugins", "grabby", source)
    env = {"LLMSPELL_PLUGINS": "shop,grabby"}
    assert (
        "warning: the command 'doctor' of a plugin is left out: llmspell has one" in llmspell("--help", env=env).stderr
    )
    assert llmspell("doctor", env=env).returncode == 5


def test_a_plugin_adds_a_verb_to_a_group(llmspell):
    source = """\
from llmspell import Command, hookimpl

def polish(arguments):
    print("polished", arguments.times, arguments.twice)
    return 9

def configure(parser):
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--twice", action="store_true")

@hookimpl
def llmspell_commands():
    return [
        Command("model polish", "make it shine", polish, configure),
        Command("model list", "x", polish),
        Command("moon walk", "x", polish),
    ]
"""
    write_plugin(llmspell.cwd.parent / "plugins", "wax", source)
    env = {"LLMSPELL_PLUGINS": "shop,wax"}
    done = llmspell("model", "polish", "--times", "3", env=env)
    assert (done.returncode, done.stdout) == (9, "polished 3 False\n")
    assert "the command 'model list' of a plugin is left out: llmspell has one" in done.stderr
    assert "the command 'moon walk' of a plugin is left out: llmspell has no group 'moon'" in done.stderr
    assert "polish" in llmspell("--help", env=env).stdout
    assert "make it shine" in llmspell("model", "--help", env=env).stdout
    assert "make it shine" in llmspell("help", "model", "polish", env=env).stdout
    assert llmspell("model", "polish", "--help", env=env).stdout.startswith("usage: llmspell model polish")
    assert "did you mean `llmspell model polish`?" in llmspell("model", "polsh", env=env).stderr
    assert llmspell("model", "list", env=env).returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[models]\ndefalt = "x"', "2: unknown key 'models.defalt'"),
        ("[sandbox]\nmemory_mb = 'x'", '2: sandbox.memory_mb must be a whole number of at least 8, not the text "x"'),
        ("[models", "1: not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_exit_3_with_its_place(llmspell, text, message):
    file = llmspell.cwd / "llmspell.toml"
    file.write_text(text)
    for words in (["exec", "print(1)"], ["config", "check"], ["doctor"], ["model", "list"]):
        done = llmspell(*words)
        assert done.returncode == 3
        assert f"{file}:{message}" in done.stderr + done.stdout


def test_a_plugin_that_fails_costs_a_warning(llmspell):
    (llmspell.cwd.parent / "plugins" / "shop.py").write_text("raise ValueError('sour\\nmilk')")
    done = llmspell("exec", "print(1)")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "plugin 'shop'" in done.stderr
    assert "import failed: ValueError: sour milk" in done.stderr
    done = llmspell("plugin", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "import failed: ValueError: sour milk" in done.stdout
    rows = {row["name"]: row for row in json.loads(llmspell("plugin", "list", "--json").stdout)}
    assert rows["shop"]["error"] == "import failed: ValueError: sour milk"
    assert rows["lua"]["error"] is None
