"""Every block of docs/providers/openai.md runs on a real server, and its tables are the code's."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmspell_openai
from llmspell_openai import llmspell_providers
from llmspell_openai.complaints import ROWS
from llmspell_openai.endpoints import ENDPOINTS

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "providers" / "openai.md"
PAGE = FILE.read_text(encoding="utf-8")
CODE = sorted(Path(llmspell_openai.__file__).parent.glob("*.py"))
LISTENER = ROOT / "tests" / "plugins" / "openai" / "listener.py"
KEY = "sk-test-0123456789abcdef"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


# ── the blocks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def llama_server(model_file):
    """xllamacpp's listener, which speaks the format on the real model, under a key."""
    command = [sys.executable, str(LISTENER), str(model_file), "--key", KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield f"{child.stdout.readline().strip()}/v1"
        finally:
            child.stdin.close()
            child.wait(20)


@pytest.fixture
def shell(llama_server, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path, beside a `hello.lua`; gives its stdout."""
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENAI_BASE_URL", llama_server)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "hello.lua").write_text('print(Agent.create{ max_tokens = 20 }:execute("Hello!").text)\n')

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(shell, text):
    said = shell(text)
    assert "SmolLM2-135M-Instruct.Q4_1" in said
    assert len(said.splitlines()) > 2


@pytest.mark.parametrize("text", blocks("lua"))
def test_each_lua_block_runs(shell, text, tmp_path):
    (tmp_path / "block.lua").write_text(text, encoding="utf-8")
    assert shell("llmspell run block.lua").strip()


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_toml_block_is_a_configuration(shell, text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
    shell("llmspell config check")


def test_all_blocks_are_of_a_kind_that_is_checked():
    checked = sum(len(blocks(language)) for language in ("sh", "lua", "toml"))
    assert PAGE.count("\n```") / 2 == checked + 1
    assert "\n```\npip install 'llmspell[openai]'\n```\n" in PAGE  # the one that isn't run


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert target.startswith("http") or (FILE.parent / target).exists(), target


def test_settings_are_those_of_the_code():
    for spec in llmspell_providers():
        for key in spec.settings:
            assert re.search(rf"\b{key}\b", PAGE), key


def test_the_table_of_providers_is_that_of_the_code():
    rows = re.findall(r"^\| `([\w-]+)` \| \[([^\]]+)\]\S*(?: on this machine)? \| (\S+) \| `(\S+)`", PAGE, re.M)
    assert rows[0][3] == "https://api.openai.com/v1"
    for row, endpoint in zip(rows, ENDPOINTS.values(), strict=True):
        key = f"`{endpoint.variables[0]}`" if endpoint.variables else "none"
        title = "llama.cpp's server" if endpoint.name == "llama-server" else endpoint.title
        assert row == (endpoint.name, title, key, endpoint.base_url)


def test_what_is_said_of_options_is_so():
    known = {name for name, one in ENDPOINTS.items() if not one.missing}
    assert known == {"openrouter", "together", "lmstudio", "vllm", "llama-server"}
    assert {name for name, one in ENDPOINTS.items() if "seed" in one.missing} == {"deepseek"}
    ways = {name: one.format for name, one in ENDPOINTS.items()}
    assert {name for name, way in ways.items() if way == "strict"} == {"openai", "openrouter", "groq", "mistral", "xai"}
    assert {name for name, way in ways.items() if way == "gbnf"} == {"llama-server", "lmstudio"}
    assert {name for name, way in ways.items() if way == "object"} == {"deepseek"}


# ── the table of troubles ─────────────────────────────────────────────────────────────────────────────────────────────

MADE = {
    "ProviderError", "ProviderUnavailable", "ProviderTimeout", "ContextOverflow", "InvalidRequest", "ConfigError",
    "Notice", "missing", "_wrong",
}  # fmt: skip
ELSEWHERE = {"there is no key for …", "the prompt has … tokens and the model's context holds …",
             "… cannot honour the option '…'"}  # fmt: skip
"""What llmspell itself says for all providers."""


def symptoms():
    """The messages of the table's first column; in each, `…` stands for anything."""
    table = PAGE.split("| symptom | cause | what to do |\n|---|---|---|\n")[1]
    return [one for line in table.splitlines() for one in re.findall(r"`(.*?)`", line.split(" | ")[0])]


def pattern(symptom):
    return ".*".join(map(re.escape, symptom.split("…")))


def literal(node):
    """The text of a string in the code, with x for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else named(part) for part in node.values)
    if isinstance(node, ast.BoolOp):
        return literal(node.values[-1])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def named(part):
    """What stands in for a value: the name of an option, where it is a constant of the code."""
    return {"EXTRA": "extra_body", "late": "late"}.get(getattr(part.value, "id", ""), "x")


def told():
    """Every message that the code makes: of its table, and those that stand where an error or a notice is made."""
    for row in ROWS:
        yield re.sub(r"\{\w+\}", "x", row.message)
    for file in CODE:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MADE | {
                "ModelNotFound"
            }:
                texts = [text for text in map(literal, node.args) if text and " " in text]
                for text in texts[:1]:
                    if getattr(node.func, "attr", "") == "_wrong":
                        text = f"x {text}"
                    for late in ("did not answer", "sent nothing more") if "late" in text else ("",):
                        yield text.replace("late", late) if late else text
            elif isinstance(node, ast.FunctionDef) and node.name == "key_warning":
                yield from (
                    text for one in ast.walk(node) if isinstance(one, ast.Return) and (text := literal(one.value))
                )


def test_the_table_has_every_message_that_the_code_makes():
    patterns = [pattern(symptom) for symptom in symptoms()]
    messages = set(told()) - {"x: x", "x x"}  # the client's own words, and what `_wrong` says in others
    assert len(messages) > len(ROWS) + 20
    assert [text for text in messages if not any(re.fullmatch(one, text, re.S) for one in patterns)] == []


def test_every_message_of_the_table_is_one_that_the_code_makes():
    messages = set(told())
    invented = {one for one in symptoms() if not any(re.fullmatch(pattern(one), text, re.S) for text in messages)}
    assert invented == ELSEWHERE
