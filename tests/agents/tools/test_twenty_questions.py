"""Tool calls on the real small model, which has none of its own: questions that nobody tuned to.

The questions stand in twenty_questions.json, with their tools and examples, and, for the tools that ship, in
shipped_questions.json. They were written down before the first run; a change of them would make the numbers worthless.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from llmspell.agents.tools.pseudo import pseudo_chat
from llmspell.agents.tools.scored import scored_chat
from llmspell.agents.tools.values import Ask
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Finish, Message, TextDelta, ToolCall
from llmspell.providers.hub import Hub
from llmspell.providers.schemas import check_schema, violations
from llmspell.testing import drive
from llmspell_gguf import engine as engines

GIVEN = json.loads(Path(__file__).with_name("twenty_questions.json").read_text())
SHIPPED = json.loads(Path(__file__).with_name("shipped_questions.json").read_text())
TOOLS = tuple(
    Tool(
        given["name"],
        given["description"],
        given["parameters"],
        run=lambda arguments, context: None,
        examples=tuple((request, arguments) for request, arguments in given["examples"]),
    )
    for given in GIVEN["tools"]
)
BARE = tuple(replace(tool, examples=()) for tool in TOOLS)


@pytest.fixture(scope="module", params=["xllamacpp", "llama-cpp-python"])
def hub(request, tmp_path_factory):
    """The real model in each engine, loaded once."""
    if request.param not in engines.installed():
        complain = pytest.fail if os.environ.get("LLMSPELL_TEST_ENGINES") == "all" else pytest.skip
        complain(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp("questions")
    (folder / "llmspell.toml").write_text(f'[providers.gguf]\nengine = "{request.param}"\nthreads = 1\n')
    hub = Hub(PluginHost(warn=pytest.fail), load(environ={"LLMSPELL_HOME": str(folder)}, cwd=str(folder)))
    yield hub
    drive(hub.aclose())


@pytest.fixture(scope="module")
def model(model_file):
    return str(model_file)


def chat(start, hub, ask, messages):
    """The events of a chat, as (call or None, text, finish)."""

    async def read():
        return [event async for event in start(hub, ask, messages)]

    events = drive(read())
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [type(event) for event in events].count(Finish) == 1 and isinstance(events[-1], Finish)
    assert (events[-1].reason == "tool_calls") == (len(calls) == 1)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return calls[0] if calls else None, text, events[-1]


def wrong(start, hub, model, tools, questions):
    """The questions that didn't get the right tool, or rightly none; the arguments of every call are valid."""
    schemas = {tool.name: check_schema(tool.parameters) for tool in tools}
    found = []
    for question, wanted in questions:
        ask = Ask(model, tools, options={"max_tokens": 4, "temperature": 0})
        call, text, _ = chat(start, hub, ask, [Message("user", question)])
        assert text if call is None else not violations(call.arguments, schemas[call.name]), (question, call)
        if wanted != (call and call.name):
            found.append((question, call))
    return found


def test_with_examples_at_least_sixteen_decisions_are_right(hub, model):
    assert len(wrong(scored_chat, hub, model, TOOLS, GIVEN["questions"])) <= 4


def test_without_examples_at_least_twelve_decisions_are_right(hub, model):
    assert len(wrong(scored_chat, hub, model, BARE, GIVEN["questions"])) <= 8


def test_the_tools_that_ship_are_chosen_by_their_own_examples(hub, model):
    there = PluginHost(warn=pytest.fail).tools()
    tools = tuple(there[name] for name in SHIPPED["tools"])
    assert len(wrong(scored_chat, hub, model, tools, SHIPPED["questions"])) <= 4


def test_turns_in_a_row_have_a_tool_each_and_answers_that_hold_its_value(hub, model):
    ask = Ask(model, TOOLS, options={"max_tokens": 60, "temperature": 0})
    history, answers = [], []
    for request, wanted, result, value in GIVEN["in_a_row"]:
        history.append(Message("user", request))
        call, _, _ = chat(scored_chat, hub, ask, history)
        assert call is not None and call.name == wanted
        history += [Message("assistant", "", (call,)), Message("tool", json.dumps(result), tool_call_id=call.id)]
        again, text, _ = chat(scored_chat, hub, ask, history)
        assert again is None
        assert value in text.replace(",", "")
        history.append(Message("assistant", text))
        answers.append(text)
    _, text, _ = chat(scored_chat, hub, Ask(model, options=ask.options), [*history, Message("user", GIVEN["then"])])
    assert text and not any(answer in text for answer in answers)
    assert len({message.tool_call_id for message in history if message.role == "tool"}) == len(answers)


def test_without_scores_the_schema_makes_calls_with_valid_arguments(hub, model):
    questions = GIVEN["questions"][::4]
    assert len(wrong(pseudo_chat, hub, model, TOOLS, questions)) < len(questions)
