"""Completion: the script that a shell loads, and the answers to it."""

import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def complete(llmspell, tmp_path):
    """What the shell is offered for a line, as argcomplete's scripts ask for it."""

    def ask(line):
        answer = tmp_path / "answer"
        env = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_SHELL": "bash",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
        }
        done = llmspell(env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return answer.read_text().split()

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("llmspell mo", ["model"]),
        ("llmspell model pu", ["pull"]),
        ("llmspell config ", ["show", "path", "check", "init"]),
        ("llmspell completions ", ["bash", "zsh", "fish"]),
        (
            "llmspell run --allow-",
            ["--allow-read", "--allow-write", "--allow-env", "--allow-host", "--allow-private-host", "--allow-program"],
        ),
        ("llmspell skill show su", ["summarize"]),
        ("llmspell config show sandbox.m", ["sandbox.memory_mb"]),
        ("llmspell model list --j", ["--json"]),
    ],
)
def test_verbs_and_options(complete, line, offered):
    assert complete(line) == offered


def test_files(complete, llmspell):
    for name in ("one.lua", "two.txt", "three.toml", "four.json"):
        (llmspell.cwd / name).touch()
    assert complete("llmspell run ") == ["one.lua"]
    assert complete("llmspell --config ") == ["three.toml"]
    assert complete("llmspell chat --format ") == ["four.json"]
    assert set(complete("llmspell chat -f ")) == {"one.lua", "two.txt", "three.toml", "four.json"}


def test_models_come_from_the_configuration_and_the_last_list(complete, llmspell):
    assert complete("llmspell model info ") == ["local/smollm2:135m"]
    (llmspell.cwd / "llmspell.toml").write_text('[models.aliases]\nquick = "x"')
    llmspell("model", "list")
    (llmspell.home / "cache" / "model-names").write_text("tiny:1b\nshop/tiny:1b\n")
    assert set(complete("llmspell -m ")) == {"local/smollm2:135m", "quick", "tiny:1b", "shop/tiny:1b"}
    (llmspell.cwd / "llmspell.toml").write_text("[broken")
    assert "tiny:1b" in complete("llmspell -m ti")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(llmspell, shell):
    done = llmspell("completions", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "llmspell" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash completes here")
def test_bash_itself_completes(llmspell, tmp_path):
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "llmspell"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    program = """
        eval "$(llmspell completions bash)"
        COMP_WORDS=(llmspell model inf) COMP_CWORD=2 COMP_LINE="llmspell model inf" COMP_POINT=18 COMP_TYPE=9
        _python_argcomplete llmspell inf model 2> /dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    env = llmspell.environment({})
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, env=env, cwd=llmspell.cwd)
    assert done.stdout.split() == ["info"]
