"""`python bench` runs from a checkout and writes the JSON that it promises."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments, **variables):
    command = [sys.executable, "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True)


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


def test_what_is_not_installed_is_a_row_that_says_so(tmp_path):
    file = tmp_path / "figures.json"
    done = bench("pull", "--quick", "--json", file, PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text())["rows"]
    assert (row["name"], row["ours"], row["met"]) == ("pull from loopback", None, None)
    assert row["missing"] == "curl is not installed"
    assert row["missing"] in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_pull_is_compared_with_curl_and_its_checksum_stands_apart(tmp_path):
    file = tmp_path / "figures.json"
    done = bench("pull", "--quick", "--json", file)
    assert done.returncode == 0, done.stderr
    pull, checksum = json.loads(file.read_text())["rows"]
    assert (pull["name"], pull["peer_name"], pull["expected"]) == ("pull of 20 MB", "curl", "≤ 1.3×")
    assert pull["ratio"]["count"] == 2
    assert (checksum["name"], checksum["peer"]) == ("its sha256 alone", None)
    assert checksum["ours"]["median"] > 0
