"""`llmspell model install-ollama`, with a curl on the PATH that brings a harmless script."""

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser

import pytest

from llmspell.errors import ProviderUnavailable
from llmspell_ollama import installing

LINUX = "curl -fsSL https://ollama.com/install.sh | sh"
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the official command is another one elsewhere")


@pytest.fixture
def machine(tmp_path):
    """A PATH with a shell, and with a curl that prints an installer: ``machine.curl("exit 1")`` gives it another."""
    return Machine(tmp_path)


class Machine:
    def __init__(self, folder):
        self.path, self.folder = folder / "bin", folder
        self.path.mkdir()
        for tool in ("sh", "chmod", "touch"):
            (self.path / tool).symlink_to(shutil.which(tool))
        self.program = self.path / "ollama"
        self.curl(f'echo "touch {self.program} && chmod 755 {self.program}"')

    def curl(self, script):
        self._write("curl", f'echo "$@" > {self.folder}/asked\n{script}\n')

    def _write(self, name, script):
        (self.path / name).write_text(f"#!/bin/sh\n{script}")
        (self.path / name).chmod(0o755)

    @property
    def asked(self):
        file = self.folder / "asked"
        return file.read_text().strip() if file.exists() else None

    def run(self, *words):
        env = {**os.environ, "PATH": str(self.path), "LLMSPELL_HOME": str(self.folder), "LLMSPELL_PLUGINS": "ollama"}
        command = [sys.executable, "-m", "llmspell", "model", "install-ollama", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=self.folder, timeout=60)


@needs_linux
def test_the_command_is_printed_and_not_run(machine):
    done = machine.run()
    assert (done.returncode, done.stdout) == (0, f"{LINUX}\n")
    assert "--yes" in done.stderr
    assert machine.asked is None


@needs_linux
def test_yes_runs_it(machine):
    done = machine.run("--yes")
    assert (done.returncode, done.stdout) == (0, f"{LINUX}\n")
    assert machine.asked == "-fsSL https://ollama.com/install.sh"
    assert "Ollama is installed" in done.stderr
    assert machine.program.exists()


@needs_linux
def test_yes_runs_nothing_where_ollama_is_installed(machine):
    machine.run("--yes")
    (machine.folder / "asked").unlink()
    for words in (["--yes"], []):
        done = machine.run(*words)
        assert (done.returncode, machine.asked) == (0, None)
        assert f"Ollama is installed already: {machine.program}" in done.stderr


@needs_linux
@pytest.mark.parametrize(
    ("script", "said"), [("exit 6", "installed no ollama"), ("echo exit 3", "failed with exit code 3")]
)
def test_a_command_that_installs_nothing_failed(machine, script, said):
    """The first script is a curl without a network: the shell behind the pipe finds nothing to do, and is content."""
    machine.curl(script)
    done = machine.run("--yes")
    assert done.returncode == 4
    assert said in done.stderr
    assert "https://ollama.com/download" in done.stderr


@needs_linux
def test_a_machine_without_curl(machine):
    (machine.path / "curl").unlink()
    done = machine.run("--yes")
    assert done.returncode == 4
    assert "curl is not installed" in done.stderr


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", LINUX),
        ("darwin", "brew install ollama"),
        ("win32", "winget install --id Ollama.Ollama --exact"),
    ],
)
def test_every_platform_has_its_own(monkeypatch, capsys, platform, command):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("llmspell_ollama.serving.program", lambda: None)
    assert installing.run(_arguments()) == 0
    assert capsys.readouterr().out == f"{command}\n"


def test_a_platform_without_a_command(monkeypatch):
    monkeypatch.setattr(sys, "platform", "haiku1")
    with pytest.raises(ProviderUnavailable) as error:
        installing.run(_arguments())
    assert "https://ollama.com/download" in error.value.hint


def _arguments(*words):
    parser = ArgumentParser()
    installing.configure(parser)
    return parser.parse_args(words)


@needs_linux
def test_help_lists_it_with_the_verbs_of_model(machine):
    env = {**os.environ, "LLMSPELL_HOME": str(machine.folder), "LLMSPELL_PLUGINS": "ollama"}
    command = [sys.executable, "-m", "llmspell", "model", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=machine.folder, timeout=60)
    assert "install-ollama" in done.stdout
