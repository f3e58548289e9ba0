"""Every block of docs/providers/anthropic.md runs, and its table of troubles is the code's."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_claude import MODEL, SmallClaude

import llmspell_anthropic
from llmspell_anthropic import llmspell_providers, options, requests
from llmspell_anthropic.complaints import ROWS

FILE = Path(__file__).parents[2] / "docs" / "providers" / "anthropic.md"
PAGE = FILE.read_text(encoding="utf-8")
CODE = sorted(Path(llmspell_anthropic.__file__).parent.glob("*.py"))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


# ── the blocks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def claude():
    with SmallClaude() as server:
        yield server


@pytest.fixture
def shell(claude, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path, beside a `hello.lua`; gives its stdout."""
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "hello.lua").write_text('print(Agent.create{}:execute("Hello!").text)\n')

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(shell, claude, text):
    said = shell(text)
    assert MODEL in said
    assert "The keeper climbs" in said


@pytest.mark.parametrize("text", blocks("lua"))
def test_each_lua_block_runs(shell, claude, text, tmp_path):
    (tmp_path / "block.lua").write_text(text, encoding="utf-8")
    assert shell("llmspell run block.lua").strip()
    assert any(request.path == "/v1/messages" for request in claude.requests)


def test_what_was_thought_goes_back_with_the_results(shell, claude, tmp_path):
    (block,) = [block for block in blocks("lua") if "handler" in block]
    (tmp_path / "block.lua").write_text(block, encoding="utf-8")
    assert shell("llmspell run block.lua").startswith("weather\tThe keeper")
    *_, last = [request.body for request in claude.requests if request.path == "/v1/messages"]
    _, answer, results = last["messages"]
    assert [one["type"] for one in answer["content"]] == ["thinking", "tool_use"]
    assert answer["content"][0]["signature"]
    assert results["content"][0]["tool_use_id"] == answer["content"][1]["id"]


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_toml_block_is_a_configuration(shell, text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
    shell("llmspell config check")


def test_all_blocks_are_of_a_kind_that_is_checked():
    checked = sum(len(blocks(language)) for language in ("sh", "lua", "toml"))
    assert PAGE.count("\n```") / 2 == checked + 1
    assert "\n```\npip install 'llmspell[anthropic]'\n```\n" in PAGE  # the one that isn't run


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert target.startswith("http") or (FILE.parent / target).exists(), target


def test_settings_and_options_are_those_of_the_code():
    (spec,) = llmspell_providers()
    for key in spec.settings:
        assert re.search(rf"\b{key}\b", PAGE), key
    for effort in options.EFFORTS:
        assert f'`"{effort}"`' in PAGE
    for number in (requests.MAX_TOKENS, options.LEAST_BUDGET):
        assert str(number) in PAGE


# ── the table of troubles ─────────────────────────────────────────────────────────────────────────────────────────────


def symptoms():
    """The messages of the table's first column; in each, `…` stands for anything."""
    table = PAGE.split("| symptom | cause | what to do |\n|---|---|---|\n")[1]
    return [one for line in table.splitlines() for one in re.findall(r"`(.*?)`", line.split(" | ")[0])]


def pattern(symptom):
    return ".*".join(map(re.escape, symptom.split("…")))


MADE = {
    "LLMSpellError", "ProviderError", "ProviderUnavailable", "ProviderTimeout", "AuthError", "InvalidRequest",
    "UnsupportedOption", "ContextOverflow", "ModelNotFound", "Notice", "ProviderStatus",
}  # fmt: skip


def literal(node):
    """The text of a string in the code, with x for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def told():
    """Every message that the code makes: of its table, and those that stand where an error or a notice is made."""
    for row in ROWS:
        yield re.sub(r"\{\w+\}", "x", row.message)
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in MADE:
                continue
            given = [*node.args, *(word.value for word in node.keywords if word.arg == "error")]
            texts = [text for text in map(literal, given) if text and " " in text]
            yield from texts[:1]
    settings = next(file for file in CODE if file.name == "settings.py").read_text(encoding="utf-8")
    (warnings,) = [
        node
        for node in ast.walk(ast.parse(settings))
        if isinstance(node, ast.FunctionDef) and node.name == "key_warning"
    ]
    yield from (text for node in ast.walk(warnings) if isinstance(node, ast.Return) and (text := literal(node.value)))


ELSEWHERE = ("there is no key for …", "the prompt has … tokens and the model's context holds …",
             "… cannot honour the option '…'")  # fmt: skip
"""What llmspell itself says for all providers."""


def test_the_table_has_every_message_that_the_code_makes():
    patterns = [pattern(symptom) for symptom in symptoms()]
    messages = list(told())
    assert len(messages) > len(ROWS) + 15
    assert [message for message in messages if not any(re.fullmatch(one, message, re.S) for one in patterns)] == []


def test_every_message_of_the_table_is_one_that_the_code_makes():
    messages = list(told())
    invented = [one for one in symptoms() if not any(re.fullmatch(pattern(one), text, re.S) for text in messages)]
    assert sorted(invented) == sorted(ELSEWHERE)
