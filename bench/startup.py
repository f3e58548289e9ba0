"""What it takes to start: `llmspell --version` and a script of one line, against `llm --version`.

Processor time of whole processes. A bare interpreter is shown beside it: nothing written in Python starts faster.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import environments
from bench.processes import cost_of
from bench.rounds import Measure, interleaved
from bench.rows import Expected, Row, compared


def run(quick: bool) -> Iterator[Row]:
    """Yield each of llmspell's starts against llm and against an interpreter that does nothing."""
    ours, peer = environments.llmspell(), environments.llm()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one.lua").write_text("print('hello')\n")
        variables = {"LLMSPELL_HOME": name, "LLM_USER_PATH": name}

        def milliseconds(*command: str) -> Measure:
            return lambda: cost_of(command, folder, variables).cpu * 1000

        interpreter, version, script, llm = interleaved(
            2 if quick else 15,
            milliseconds(str(ours / "python"), "-c", "pass"),
            milliseconds(str(ours / "llmspell"), "--version"),
            milliseconds(str(ours / "llmspell"), "run", "one.lua"),
            milliseconds(str(peer / "llm"), "--version"),
        )
    for title, figures, most in (("llmspell --version", version, 0.05), ("a script of one line", script, 0.13)):
        yield compared("startup", title, "ms", figures, llm, "llm --version", Expected("ratio", most=most))
        yield compared("startup", title, "ms", figures, interpreter, "python -c pass")
