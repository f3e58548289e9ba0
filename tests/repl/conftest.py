"""The REPL in a terminal, as a person starts it: with a home of its own, and the real model in it."""

import os
import sys

import pytest

from repl.terminal import Terminal

CONFIG = """\
[models]
default = "smollm2:135m"

[agent]
temperature = 0

[providers.gguf]
threads = 1
"""
UNWANTED = ("LLMSPELL_", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "EDITOR", "VISUAL", "PYTHON", "PROMPT_TOOLKIT_")


@pytest.fixture(scope="session")
def home_with_model(model_file, tmp_path_factory):
    """Make a home with the model; its folders are nobody else's."""

    def make():
        home = tmp_path_factory.mktemp("home")
        folder = home / "data" / "models" / model_file.parent.name
        folder.parent.mkdir(parents=True)
        folder.symlink_to(model_file.parent)
        (home / "config").mkdir()
        (home / "config" / "llmspell.toml").write_text(CONFIG, encoding="utf-8")
        return home

    return make


class Repl:
    """Starts terminals of one home and one working folder, which begins empty."""

    def __init__(self, home, cwd):
        self.home = home
        self.cwd = cwd
        self.config = home / "config" / "llmspell.toml"
        self._started = []

    def environment(self, **more):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        return {
            **plain, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HF_HUB_OFFLINE": "1",
            "LLMSPELL_HOME": str(self.home), **more,
        }  # fmt: skip

    def start(self, *words, rows=24, columns=80, **env):
        """`llmspell` with these words in a terminal of this size; waits for nothing."""
        terminal = Terminal(
            [sys.executable, "-m", "llmspell", *words],
            env=self.environment(**env), cwd=self.cwd, rows=rows, columns=columns,
        )  # fmt: skip
        self._started.append(terminal)
        return terminal

    def __call__(self, *words, **more):
        """The same, at its first prompt."""
        terminal = self.start(*words, **more)
        terminal.wait_prompt()
        return terminal

    def close(self):
        for terminal in self._started:
            terminal.__exit__()


@pytest.fixture
def repl(home_with_model, tmp_path):
    """Start REPLs: ``repl()`` is a terminal at its first prompt; they end with the test."""
    cwd = tmp_path / "work"
    cwd.mkdir()
    starter = Repl(home_with_model(), cwd)
    yield starter
    starter.close()


@pytest.fixture(scope="module")
def _shared(home_with_model, tmp_path_factory):
    starter = Repl(home_with_model(), tmp_path_factory.mktemp("work"))
    yield starter, []
    starter.close()


@pytest.fixture
def terminal(_shared):
    """One REPL for the tests of a file, at an empty prompt; a new one where a test has left it elsewhere."""
    starter, terminals = _shared
    if not terminals or not terminals[-1].at_prompt:
        terminals.append(starter())
    return terminals[-1]
