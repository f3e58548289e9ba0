"""`llmspell tool`: the tools of plugins on the command line."""

import json

import pytest

from llmspell.testing import write_plugin

KITCHEN = '''\
import llmspell
from llmspell import Tool, ToolContext, hookimpl
from llmspell.errors import ToolError


@llmspell.tool(category="food", examples=[("How do I cook 3 eggs?", {"count": 3})])
def cook_eggs(count: int, style: str = "boiled") -> dict:
    """Cooks eggs.

    Args:
        count: how many
        style: how they are cooked
    """
    if count > 12:
        raise ToolError("the pan is too small", hint="take fewer")
    return {"eggs": count, "style": style}


@llmspell.tool
def read_recipe(path: str, context: ToolContext) -> str:
    """Reads a recipe."""
    with open(context.readable(path)) as file:
        return file.read()


@hookimpl
def llmspell_tools():
    return [cook_eggs, read_recipe]
'''


@pytest.fixture
def kitchen(llmspell, tmp_path):
    """The command with the tools of a kitchen."""
    write_plugin(tmp_path / "plugins", "kitchen", KITCHEN)
    return lambda *words, **more: llmspell("tool", *words, env={"LLMSPELL_PLUGINS": "kitchen"}, **more)


def test_tools_are_listed(kitchen):
    done = kitchen("list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["cook_eggs", "food", "Cooks", "eggs."]
    names = [tool["name"] for tool in json.loads(kitchen("list", "--json").stdout)]
    assert names == ["cook_eggs", "read_recipe"]


def test_a_tool_is_shown_with_what_it_takes(kitchen):
    done = kitchen("show", "cook-eggs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cook_eggs (food): Cooks eggs.\n")
    assert "count      integer  yes       how many" in done.stdout
    assert 'How do I cook 3 eggs?\n    {"count": 3}' in done.stdout
    assert json.loads(kitchen("show", "cook_eggs", "--json").stdout)["parameters"]["required"] == ["count"]


@pytest.mark.parametrize(
    "words",
    [("count=3",), ('{"count": 3}',), ("count=3", "style=boiled"), ("--json", "count=3"), ("count=3", "--json")],
)
def test_a_tool_is_called(kitchen, words):
    done = kitchen("run", "cook_eggs", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"eggs": 3, "style": "boiled"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("run", "cook_eggs"), 1, "count"),
        (("run", "cook_eggs", "count=many"), 1, "count"),
        (("run", "cook_eggs", "count"), 2, "cannot read the argument 'count'"),
        (("run", "cook_eggs", "{"), 1, "JSON"),
        (("run", "cook_eggs", "count=13"), 1, "error: the pan is too small\nhint: take fewer"),
        (("run", "cook_egs"), 1, "error: there is no tool 'cook_egs'\nhint: did you mean 'cook_eggs'?"),
        (("show", "nothing"), 1, "there is no tool 'nothing'"),
        (("run",), 2, "NAME"),
    ],
)
def test_what_goes_wrong_is_said(kitchen, words, code, message):
    done = kitchen(*words)
    assert done.returncode == code
    assert done.stdout == ""
    assert message in done.stderr


def test_a_tool_has_what_the_sandbox_grants(kitchen, llmspell, tmp_path):
    (llmspell.cwd / "soup.txt").write_text("water")
    (tmp_path / "secret.txt").write_text("salt")
    assert kitchen("run", "read_recipe", "path=soup.txt").stdout == "water\n"
    denied = kitchen("run", "read_recipe", "path=../secret.txt")
    assert denied.returncode == 1
    assert "sandbox" in denied.stderr
    assert kitchen("run", "read_recipe", "--allow-read", str(tmp_path), "path=../secret.txt").stdout == "salt\n"
