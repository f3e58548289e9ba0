"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bench.rows import Row
from bench.table import print_table, report

NAMES = (
    "startup", "kernel", "provider", "model", "engines", "ollama", "pull", "memory", "tools", "log", "resilience",
    "streaming", "repl",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks named, or all. A figure that misses what is expected is shown, not a failure."""
    parser = argparse.ArgumentParser(prog="python bench", description="Compare llmspell with what else there is.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    parser.add_argument("--quick", action="store_true", help="few repetitions: shows that it runs, not what it costs")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    load_before = os.getloadavg()
    rows: list[Row] = []
    for name in options.names or NAMES:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows.extend(import_module(f"bench.{name}").run(options.quick))
    if options.json:
        document = report(rows, quick=options.quick, load_before=load_before)
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print_table(rows)
    return 0
