"""`python bench streaming`: a chunk through the hub stands beside the same chunk through each SDK."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_both_formats_are_compared_with_their_sdk(tmp_path):
    pytest.importorskip("openai")
    pytest.importorskip("anthropic")
    file = tmp_path / "figures.json"
    command = [sys.executable, "bench", "streaming", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["peer_name"]: row for row in json.loads(file.read_text())["rows"]}
    assert rows.keys() == {"openai SDK", "anthropic SDK"}
    for row in rows.values():
        assert row["unit"] == "µs"
        assert row["ours"]["count"] == row["peer"]["count"] == row["ratio"]["count"] == 2
        assert row["ours"]["low"] > 0 and row["peer"]["low"] > 0
