"""`import llmspell` gives every public name and imports nothing for it."""

import ast
import importlib
import subprocess
import sys

import pytest

import llmspell


def child(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_names_are_sorted_and_complete():
    assert llmspell.__all__ == sorted(llmspell.__all__)
    assert set(llmspell.__all__) == {*llmspell._HOMES, "__version__"}
    assert dir(llmspell) == llmspell.__all__


@pytest.mark.parametrize("name", llmspell.__all__)
def test_each_name_is_there(name):
    value = getattr(llmspell, name)
    home = llmspell._HOMES.get(name)
    if home:
        assert value is getattr(importlib.import_module(f"llmspell.{home}"), name)


def test_type_checkers_see_the_same_names():
    with open(llmspell.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: (node.module.removeprefix("llmspell").lstrip("."))
        for node in block.body
        if node.module.startswith("llmspell")
        for alias in node.names
    }
    assert seen == llmspell._HOMES


def test_every_value_of_the_contract_is_public():
    from llmspell.plugins import values
    from llmspell.providers import contract

    for module in (contract, values):
        classes = {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        }
        assert classes <= set(llmspell.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'llmspell' has no attribute 'nonsense'"):
        llmspell.nonsense  # noqa: B018


def test_importing_it_imports_nothing():
    code = "import sys, typing, __future__; old = set(sys.modules); import llmspell; print(set(sys.modules) - old)"
    assert child(code) == "{'llmspell'}"


def test_the_names_of_a_plugin_import_nothing_heavy():
    heavy = ("asyncio", "importlib.metadata", "httpx", "rich", "msgspec", "lupa", "tomlkit", "jsonschema")
    code = f"import sys; from llmspell import *; print([name for name in {heavy} if name in sys.modules])"
    assert child(code) == "[]"


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert llmspell.__version__ == version("llmspell")
