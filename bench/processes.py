"""Whole processes: what they take from start to end, in an environment without anybody's settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
_OURS = ("LLMSPELL_", "LLM_", "PYTHON", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor and of wall time, bytes of resident memory at its peak, and what was printed."""

    cpu: float
    wall: float
    peak: int
    output: str


def cost_of(command: Sequence[str], folder: Path, extra: Mapping[str, str] = {}) -> Cost:
    """Run a command in ``folder``, with variables added to the environment.

    Raises:
        RuntimeError: it ended with another exit code than 0; says what it printed.
    """
    out, err = folder / ".stdout", folder / ".stderr"
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(out), str(err), *command],
        cwd=folder,
        env={**plain_environment(), **extra},
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(launched.stdout)
    if figures["code"] != 0:
        complaint = err.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {figures['code']:.0f}:\n{complaint}")
    return Cost(figures["cpu"], figures["wall"], int(figures["peak"]), out.read_text(errors="replace"))


def plain_environment() -> dict[str, str]:
    """The environment without what would change an interpreter, llmspell or its peer."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
