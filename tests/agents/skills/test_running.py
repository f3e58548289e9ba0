"""From a skill to an agent that does it."""

import asyncio

import pytest

from llmspell.agents.skills.library import Library
from llmspell.agents.skills.running import prepare, rendered
from llmspell.errors import InvalidRequest, SkillError


@pytest.fixture
def library(skill, write, folders):
    skill("pdf", "Reads PDF files.", "Read it.")
    write(
        "skills/translate.yaml",
        "description: Translates.\nmodel_preference: fake/model\nsystem_prompt: You know {{ language }}.\n"
        "user_prompt_template: 'In {{ language }}: {{ input }}'\ntools: [calculator]\n"
        "output_format: {type: object, properties: {text: {type: string}}, required: [text]}\n",
    )
    write("skills/far.yaml", "description: x\nmodel_preference: fake/other")
    write("skills/odd.yaml", "description: x\nmodel_preference: '/x/'")
    write("skills/silent.yaml", "description: x\nuser_prompt_template: ' {# nothing #} '")
    return Library(folders())


@pytest.fixture
def heard(hub):
    found = []
    hub.on_event = lambda about, event: found.append((about, event.text))
    return found


@pytest.fixture
def prepared(library, hub):
    return lambda name, given, model=None: asyncio.run(prepare(library.get(name), given, hub, model))


def test_a_prompt_s_settings(prepared, heard):
    found = prepared("translate", {"language": "French", "input": "Hello"})
    assert found.text == "In French: Hello"
    assert found.settings["system_prompt"] == "You know French."
    assert found.settings["model"] == "fake/model"
    assert found.settings["tools"] == ["calculator"]
    assert found.settings["format"]["required"] == ["text"]
    assert (found.settings["name"], heard) == ("translate", [])


def test_a_text_is_the_input(prepared):
    found = prepared("far", "Hello", "fake/model")
    assert (found.text, found.settings) == ("Hello", {"name": "far", "description": "x", "model": "fake/model"})


@pytest.mark.parametrize("name", ["far", "odd"])
def test_a_model_that_is_not_there_leaves_it_to_the_default(prepared, heard, name):
    assert "model" not in prepared(name, "Hello").settings
    ((about, text),) = heard
    assert about == f"skill {name}"
    assert "the default model answers, as " in text


def test_instructions_are_active_from_the_start(prepared):
    found = prepared("pdf", "What is in a.pdf?", "fake/model")
    assert found.settings == {"name": "pdf", "model": "fake/model", "skills": {"pdf": "active"}}
    assert found.text == "What is in a.pdf?"


def test_rendered_texts(library):
    assert rendered(library.get("translate"), {"language": "Latin", "input": "x"}) == {
        "system_prompt": "You know Latin.",
        "prompt": "In Latin: x",
    }
    assert rendered(library.get("far"), "x") == {"prompt": "x"}
    assert rendered(library.get("pdf"), {"input": "x"}) == {"system_prompt": "Read it.", "prompt": "x"}


@pytest.mark.parametrize(
    ("name", "given", "error", "why"),
    [
        ("translate", "Hello", SkillError, "needs the variable 'language'"),
        ("translate", None, SkillError, "needs the variable 'language'"),
        ("translate", 3, InvalidRequest, "takes a text or a table of variables, not 3"),
        ("pdf", {"inptu": "x"}, SkillError, "has no variable 'inptu'"),
        ("pdf", {}, InvalidRequest, "needs a text"),
        ("pdf", {"input": "  "}, InvalidRequest, "needs a text"),
        ("pdf", [], InvalidRequest, "needs a text"),
        ("silent", [], InvalidRequest, "its prompt is empty"),
    ],
)
def test_what_is_wrong_is_said(prepared, name, given, error, why):
    with pytest.raises(error, match=why):
        prepared(name, given)
