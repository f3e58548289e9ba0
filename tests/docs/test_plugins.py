"""Every block of docs/plugins.md is run: files are written and installed, commands executed, outputs compared."""

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell import errors
from llmspell.plugins import hookspecs
from llmspell.plugins.entry_points import scan
from llmspell.plugins.host import HOOKS, PluginHost
from llmspell.providers.contract import Provider
from llmspell.testing import write_plugin

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:`([^`\n]+)`\n\n)?```(\w+)\n(.*?)^```$", re.M | re.S)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]
FILES = {name: text for name, language, text in BLOCKS if name}
COMMANDS = [
    (text.strip(), BLOCKS[index + 1][2] if BLOCKS[index + 1 : index + 2] and BLOCKS[index + 1][1] == "text" else None)
    for index, (_, language, text) in enumerate(BLOCKS)
    if language == "sh"
]
INSTALL = "python -m pip install -e ."


def write(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[name], encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folder that a reader of the page has in the end, and where its plugins are installed."""
    folder = tmp_path_factory.mktemp("project")
    write(folder, *FILES)
    site = folder / "site"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        site,
    ]
    subprocess.run(
        [*command, "--quiet", "--disable-pip-version-check", "."], cwd=folder, check=True, capture_output=True
    )
    shutil.rmtree(folder / "llmspell_parrot")  # from here on only what pip installed counts
    return folder


@pytest.fixture(scope="module")
def environment(project):
    """The reader's environment: an own home, the installed plugin on the path, `llmspell` as a command."""
    home = project / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMSPELL_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {
        **kept,
        "PATH": path,
        "LLMSPELL_HOME": str(home),
        "PYTHONPATH": str(project / "site"),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "error",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


def run(command, project, environment):
    words = shlex.split(command)
    while "=" in words[0]:  # NAME=value before a command
        name, _, value = words.pop(0).partition("=")
        environment = {**environment, name: value}
    words[0] = shutil.which(words[0], path=environment["PATH"])
    return subprocess.run(
        words, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300
    )


def test_every_block_is_a_file_a_command_or_its_output():
    for name, language, text in BLOCKS:
        assert (name is None) == (language in ("sh", "text")), text
    assert len(BLOCKS) == PAGE.count("\n```") / 2
    assert [command for command, output in COMMANDS if output is None] == [INSTALL]


@pytest.mark.parametrize(
    ("command", "output"),
    [pair for pair in COMMANDS if pair[1]],
    ids=[command for command, output in COMMANDS if output],
)
def test_the_commands_print_what_the_page_says(command, output, project, environment, tmp_path):
    extra = tmp_path / "more"  # the small plugins are installed only where the page uses them
    for name, plugin in (("notes", "llmspell_notes"), ("greet", "llmspell_greet"), ("letters", "llmspell_letters")):
        if name in command:
            write_plugin(extra, plugin, FILES[f"{plugin}.py"])
    environment = {**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(extra)])}
    done = run(command, project, environment)
    assert done.stdout == output, done.stderr
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_notes_are_written(project, environment, tmp_path):
    write_plugin(tmp_path, "llmspell_notes", FILES["llmspell_notes.py"])
    write(tmp_path, "notes.lua")
    done = run("llmspell run notes.lua", tmp_path, {**environment, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "buy ink\nfeed the parrot\n"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("tests/")])
def test_the_tests_pass(name, project, environment):
    command = [sys.executable, "-m", "pytest", "-W", "error", "-rs", "-q", "-p", "no:cacheprovider", name]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    skipped = re.findall(r"SKIPPED .*: (.*)", done.stdout)
    lacking = ("complete", "count", "embed", "info", "load", "loaded", "score", "unload")
    expected = [
        "'seed' is not in supports",
        "'stop' is not in supports",
        "no long_prompt given",
        *(f"the provider has no {verb}()" for verb in lacking),
    ]
    assert sorted(skipped) == (expected if "parrot" in name else [])


def test_the_provider_that_only_embeds_keeps_the_rules(project, environment, tmp_path):
    (tmp_path / "test_letters.py").write_text(LETTERS, encoding="utf-8")
    write(tmp_path, "llmspell_letters.py")
    command = [sys.executable, "-m", "pytest", "-W", "error", "-q", "-p", "no:cacheprovider", "test_letters.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    # 8 of embed, 4 of memory, 3 of the plugin, 2 of what it says of itself; no chat and no info
    assert re.search(r"\b17 passed", done.stdout), done.stdout


LETTERS = """
import pytest
from llmspell.testing import ProviderConformance


class TestLetters(ProviderConformance):
    plugin = "llmspell_letters"

    @pytest.fixture
    def model(self):
        return "letters/latin"
"""


def test_the_real_host_takes_each_plugin(tmp_path, monkeypatch, project):
    write_plugin(tmp_path, "llmspell_notes", FILES["llmspell_notes.py"])
    write_plugin(tmp_path, "llmspell_greet", FILES["llmspell_greet.py"])
    for folder in (tmp_path, project / "site"):
        monkeypatch.syspath_prepend(folder)
    warnings = []
    host = PluginHost(points=scan([str(tmp_path), str(project / "site")]), warn=warnings.append)
    assert set(host.providers()) == {"parrot", "polly"}
    assert set(host.lua_modules(None)) == {"Notes"}
    assert set(host.commands()) == {"greet"}
    assert warnings == []


def test_the_table_of_hooks_is_that_of_the_code():
    lines = re.findall(r"^\| `llmspell_.*$", PAGE, re.M)
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows] == list(HOOKS)
    for name, gets, returns, purpose in rows:
        hook = getattr(hookspecs, name)
        assert gets == ", ".join(inspect.signature(hook).parameters)
        assert inspect.signature(hook).return_annotation == f"Iterable[{returns}]"
        assert inspect.getdoc(hook).split(";")[0].rstrip(".") == purpose.rstrip(".")


def test_the_verbs_and_errors_that_it_names_are_there():
    verbs = re.search(r"further verbs, each optional: (.*?)\. A provider has", PAGE, re.S).group(1)
    named = set(re.findall(r"`(\w+)`", verbs))
    known = {name for name, value in vars(Provider).items() if callable(value) and not name.startswith("_")}
    assert named == known - {"chat", "models"}
    for name in ("ModelNotFound", "ContextOverflow", "UnsupportedOption", "InvalidRequest"):
        assert f"`{name}`" in PAGE
        assert hasattr(errors, name)
