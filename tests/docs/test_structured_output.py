"""Every block of docs/structured-output.md runs on the real model, and its table is what the dialects say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.providers.schema_dialects import GBNF, LLGUIDANCE, MAX_ITEMS, MAX_LENGTH
from llmspell.providers.schema_reduction import reduced

PAGE = (Path(__file__).parents[2] / "docs" / "structured-output.md").read_text(encoding="utf-8")
HELD = {
    "bounds of whole numbers": {"type": "integer", "minimum": 1},
    "`patternProperties`": {"type": "object", "patternProperties": {"^a": {"const": 1}}},
    "`uniqueItems`, `contains`, `not`, `if`, `dependentRequired`, `propertyNames`": {
        "type": "array",
        "uniqueItems": True,
    },
}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("block", blocks("lua"), ids=range(len(blocks("lua"))))
def test_each_lua_block_runs(block, llmspell_home, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    (tmp_path / "block.lua").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", "block.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("block", blocks("python"))
def test_each_python_block_runs(block):
    done = subprocess.run([sys.executable, "-W", "error", "-c", block], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "'maxLength': 500" in done.stdout


def test_all_blocks_are_of_a_kind_that_is_checked():
    assert set(re.findall(r"^```(\w+)$", PAGE, re.M)) == {"lua", "python"}


def row(name):
    (cells,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \| (.*) \|$", PAGE, re.M)
    return cells


def test_the_formats_are_all_of_them():
    assert [set(re.findall(r"`([\w-]+)`", cell)) for cell in row("`format`")] == [
        set(LLGUIDANCE.formats),
        set(GBNF.formats),
    ]


def test_the_bounds_are_those():
    assert f"after {MAX_LENGTH:,} characters ({GBNF.max_length:,} with" in PAGE
    assert f"after {MAX_ITEMS} items" in PAGE
    assert (
        f"up to {GBNF.repetitions:,}"
        in row("`minLength`, `maxLength`, `minItems`, `maxItems`, tuples by `prefixItems`")[1]
    )


@pytest.mark.parametrize(("name", "schema"), HELD.items())
def test_what_is_said_to_be_only_checked_is_not_sent(name, schema):
    for cell, dialect in zip(row(name), (LLGUIDANCE, GBNF), strict=True):
        sent = reduced(schema, dialect)
        left_out = any(word not in sent or sent[word] != value for word, value in schema.items())
        assert left_out == (cell == "checked")
