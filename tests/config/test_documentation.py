"""docs/configuration.md says what the code does, and what it shows can be run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmspell_gguf
import llmspell_ollama
import llmspell_openai
from llmspell import errors
from llmspell.config import check_providers, load
from llmspell.config.checking import expected
from llmspell.config.environment import OTHERS, SHORT, variable
from llmspell.config.schema import keys

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")
PLUGINS = (llmspell_gguf, llmspell_ollama, llmspell_openai)
BUNDLED = [spec for plugin in PLUGINS for spec in plugin.llmspell_providers()]
BLOCKS = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", TEXT)

TABLES = {
    "models.aliases": "names and models",
    "models.remap": "patterns and models",
    "models.prices": "patterns and prices",
}


def key_rows():
    """The table of keys, made from the schema."""
    yield "| key | takes | default | variable | what it does |"
    yield "|---|---|---|---|---|"
    for key in keys().values():
        if key.name == "providers":
            takes, default, name = "tables", "", "`LLMSPELL_PROVIDERS_NAME_KEY`"
        else:
            takes = TABLES[key.name] if key.is_table else expected(key.type)
            default = "" if key.default in (None, {}) else f"`{shown(key.default)}`"
            name = "" if key.name == "models.prices" else f"`{variable(key)}`"
        yield f"| `{key.name}` | {takes} | {default} | {name} | {key.description} |"


def shown(value):
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value


def blocks(language):
    return [text for kind, text in BLOCKS if kind == language]


def test_every_key_is_in_the_table_as_the_schema_has_it():
    lines = TEXT.splitlines()
    wanted = list(key_rows())
    start = lines.index(wanted[0])
    assert lines[start : start + len(wanted)] == wanted


def test_every_variable_is_named():
    for name in (*SHORT, *OTHERS):
        assert f"`{name}`" in TEXT


def test_every_exit_code_is_named():
    codes = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    codes |= {0, 141, 143}
    there = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", TEXT)}
    assert there == codes


def test_all_blocks_are_of_a_kind_that_is_checked():
    assert {kind for kind, _ in BLOCKS} == {"toml", "sh"}
    assert len(BLOCKS) == TEXT.count("```") / 2


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_toml_block_loads(text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text)
    settings = load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path))
    assert settings.origins, "it sets something"
    check_providers(settings, {spec.name: spec for spec in BUNDLED})


def test_the_keys_of_bundled_providers_are_named():
    for spec in (next(iter(plugin.llmspell_providers())) for plugin in PLUGINS):
        (keys_named,) = re.findall(rf"(?:keys|Those) of `{spec.name}`.*?: (.*?)\.", " ".join(TEXT.split()))
        assert re.findall(r"`(\w+)`", keys_named) == list(spec.settings)


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(text, tmp_path):
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LLMSPELL_")}
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        ["sh", "-eu", "-c", text],
        cwd=work,
        env={**plain, "PATH": f"{command.parent}:{plain['PATH']}", "LLMSPELL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    comments = re.findall(r"(?m)#> (.*)$", text)
    for line in comments:
        assert line in done.stdout.splitlines()
