"""`python bench` runs from a checkout and writes the JSON that it promises."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments):
    command = [sys.executable, "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)


def test_quick_run_writes_the_promised_shape(tmp_path):
    file = tmp_path / "figures.json"
    done = bench("kernel", "--quick", "--json", file)
    assert done.returncode == 0, done.stderr
    document = json.loads(file.read_text())
    assert document["quick"] is True
    assert {"when", "commit", "python", "machine", "processors", "load", "packages", "rows"} <= document.keys()
    rows = {row["name"]: row for row in document["rows"]}
    recorded = rows["await, ends at once, recorded"]
    assert recorded["benchmark"] == "kernel"
    assert recorded["unit"] == "µs"
    assert recorded["expected"] == "≤ 2.5"
    assert recorded["met"] is (recorded["ours"]["median"] <= 2.5)
    for row in rows.values():
        for figure in (row["ours"], row["peer"], row["ratio"]):
            assert figure["count"] == 2
            assert figure["low"] <= figure["median"] <= figure["high"]
        assert row["name"] in done.stdout


def test_unknown_name_is_refused_with_those_that_exist():
    done = bench("kernle")
    assert done.returncode == 2
    assert "'kernle'" in done.stderr
    assert "kernel" in done.stderr
