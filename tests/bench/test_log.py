"""The benchmark of the log measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, "bench", "log", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert len(rows) == 7
    added = rows["first request: processor time added"]
    assert added["ours"]["count"] == added["peer"]["count"] == 2
    assert added["ours"]["median"] > 0
    assert rows["saving a conversation of 25 turns"]["ours"]["median"] > 0
