"""The REPL: from the start to the prompt, against `python` and `ipython`, and from a key to the menu of completions.

Wall time, up to the byte with which it is on the screen of a pseudo-terminal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import environments
from bench.rounds import Measure, interleaved
from bench.rows import Expected, Row, compared
from bench.terminals import Interactive

FIELDS = 10_000
FEW = 10
LUA = 't = {} for i = 1, %d do t["a_" .. i], t["f_" .. i] = i, i end print("re" .. "ady")\r'
PYTHON = 't = type("T", (), {f"{c}_{i}": i for c in "af" for i in range(%d)})(); print("re" + "ady")\r'
DROP = "\x15"  # Ctrl-U takes back what is typed


def run(quick: bool) -> Iterator[Row]:
    """Yield the starts, then the menus."""
    rounds = 2 if quick else 15
    ours, peer = environments.llmspell(), environments.ipython()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _starts(folder, ours, peer, rounds)
        yield from _menus(folder, ours, peer, rounds)


def _starts(folder: Path, ours: Path, peer: Path, rounds: int) -> Iterator[Row]:
    llmspell, python, ipython = interleaved(
        rounds,
        _start(folder, "lua>", str(ours / "llmspell")),
        _start(folder, ">>>", str(ours / "python"), "-q"),
        _start(folder, "In [1]:", str(peer / "ipython")),
    )
    yield compared("repl", "start to prompt", "ms", llmspell, ipython, "ipython", Expected("ratio", most=1))
    yield compared("repl", "start to prompt", "ms", llmspell, python, "python -q")


def _start(folder: Path, prompt: str, *command: str) -> Measure:
    """Milliseconds until the prompt is on the screen."""

    def measure() -> float:
        with Interactive(command, folder, _home(folder)) as program:
            return program.seconds_until(prompt) * 1000

    return measure


def _menus(folder: Path, ours: Path, peer: Path, rounds: int) -> Iterator[Row]:
    with ExitStack() as stack:

        def opened(prompt: str, command: Path, setup: str) -> Interactive:
            program = stack.enter_context(Interactive([str(command)], folder, _home(folder)))
            program.seconds_until(prompt)
            program.send(setup)
            program.seconds_until("ready")
            program.drain()
            return program

        many, few, ipython = interleaved(
            rounds,
            _menu(opened("lua>", ours / "llmspell", LUA % (FIELDS // 2)), "f"),
            _menu(opened("lua>", ours / "llmspell", LUA % (FEW // 2)), "f"),
            _menu(opened("In [1]:", peer / "ipython", PYTHON % (FIELDS // 2)), "f\t"),
        )
    name = f"key to menu, a table of {FIELDS:,} fields"
    yield compared("repl", name, "ms", many, few, f"a table of {FEW}", Expected("ours", most=50))
    yield compared("repl", name, "ms", many, ipython, "ipython, with Tab", Expected("ratio", most=1))


def _menu(program: Interactive, key: str) -> Measure:
    """Milliseconds from the letter with which half of the fields begin until the first of them is on the screen."""

    def measure() -> float:
        program.send("t.")
        program.drain()
        program.send(key)
        seconds = program.seconds_until("f_1")
        program.drain()
        program.send(DROP)
        program.drain()
        return seconds * 1000

    return measure


def _home(folder: Path) -> dict[str, str]:
    return {"LLMSPELL_HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")}
