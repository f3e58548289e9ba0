"""The small model that benchmarks run: pulled once by llmspell itself, into the benchmarks' cache."""

from __future__ import annotations

import os
from pathlib import Path

from bench import environments
from bench.processes import cost_of

NAME = "smollm2:135m"
THREADS = 1
"""Decode threads: more than one, and what else the machine does is what is measured."""


def model_file() -> Path:
    """The path of the model's file; `LLMSPELL_BENCH_MODEL` names another one."""
    if given := os.environ.get("LLMSPELL_BENCH_MODEL"):
        return Path(given)
    home = environments.cache() / "home"
    home.mkdir(exist_ok=True)
    if not list(home.rglob("*.gguf")):
        program = str(environments.llmspell() / "llmspell")
        cost_of([program, "model", "pull", NAME], environments.cache(), {"LLMSPELL_HOME": str(home)})
    (file,) = home.rglob("*.gguf")
    return file
