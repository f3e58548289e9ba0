"""The wheel holds all that a user needs, and works without the repository beside it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_every_file_of_the_packages(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(root))
        for root in (ROOT / "runtime", ROOT / "plugins")
        for path in root.rglob("*")
        if path.suffix in (".py", ".lua", ".toml", ".yaml") or path.name == "py.typed"
    }
    assert len(expected) > 100
    assert expected <= inside
    assert "llmspell/config/llmspell.toml" in inside
    assert any(name.endswith("entry_points.txt") for name in inside)


def test_it_runs_a_script_by_itself(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "hello.lua").write_text("print('hello', JSON.stringify(Agent.list()))")
    start = "import sys; sys.path.insert(0, 'site'); from llmspell.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", start, "run", "hello.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\t[]\n", "")
