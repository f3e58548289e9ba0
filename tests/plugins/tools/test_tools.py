"""What holds for all tools that come with llmspell."""

import json
import subprocess
import sys

import jsonschema_rs
import pytest

import llmspell_tools
from llmspell.plugins.host import PluginHost
from llmspell.plugins.validation import fault

NAMES = [name.replace("_", "-") for name in llmspell_tools.MODULES]


def test_they_are_registered_by_the_entry_point():
    host = PluginHost(warn=pytest.fail)
    assert set(NAMES) <= set(host.tools())
    assert host.check("tools").module == "llmspell_tools"


def test_importing_the_plugin_imports_none_of_them():
    code = "import sys, llmspell_tools; print([name for name in sys.modules if name.startswith('llmspell_tools.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_listing_them_imports_no_library():
    heavy = ("simpleeval", "dateutil", "jq", "jinja2", "jsonschema_rs", "httpx2", "selectolax", "asyncio")
    code = f"import sys; from llmspell_tools import llmspell_tools as t; t(); print(set({heavy}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_can_choose_and_call_it(name, tools):
    tool = tools[name]
    assert fault(tool) is None
    assert len(tool.examples) >= 3
    validator = jsonschema_rs.validator_for(tool.parameters)
    for request, arguments in tool.examples:
        validator.validate(arguments)
        assert request not in str(tool.parameters)
    assert tool.category in {"data", "text", "math", "time", "web", "system", "file"}


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_without_an_example(name, tools):
    for parameter, schema in tools[name].parameters["properties"].items():
        text = schema.get("description", "")
        assert text, f"{name}: {parameter}"
        assert "example" not in text.lower(), "a small model copies examples out of descriptions"


@pytest.mark.parametrize("name", NAMES)
def test_its_schema_is_small_and_whole(name, tools):
    text = json.dumps(dict(tools[name].parameters))
    assert len(text) < 2000
    assert "$ref" not in text
