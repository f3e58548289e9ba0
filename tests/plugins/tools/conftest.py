"""Running a tool as the loop would: arguments that its schema takes, and the context of a run."""

import jsonschema_rs
import pytest

import llmspell_tools
from llmspell import ToolContext
from llmspell.config.sandbox import Grants


@pytest.fixture(scope="session")
def tools():
    """The tools by name."""
    return {tool.name: tool for tool in llmspell_tools.llmspell_tools()}


@pytest.fixture
def call(tools, tmp_path):
    """Run a tool that may use the files of the test's folder, and nothing else."""
    context = ToolContext(grants=Grants(read=[str(tmp_path)], write=[str(tmp_path)]))

    def call(name, arguments):
        jsonschema_rs.validator_for(tools[name].parameters).validate(arguments)
        return tools[name].run(arguments, context)

    return call
