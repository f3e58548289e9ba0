"""`python bench tools`: every figure of the loop around tools stands beside what it is compared with."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_has_both_sides(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, "bench", "tools", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert {"each further round", "each further call", "arguments that fit"} <= rows.keys()
    assert "each of 20 agents at once, made, with a round of one call" in rows
    for row in rows.values():
        assert row["ours"]["count"] == row["peer"]["count"] == 2
        assert row["peer_name"] in ("provider", "jsonschema-rs")
