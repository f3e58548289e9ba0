"""Reading prompt skills, strictly."""

import pytest

from llmspell.agents.skills.folders import skill_folders
from llmspell.agents.skills.library import Library
from llmspell.agents.skills.prompt_skill import read_skill
from llmspell.agents.skills.templates import variables_of
from llmspell.errors import SkillError


@pytest.fixture
def read(write):
    return lambda text, name="translate.yaml": read_skill(str(write(name, text)), "project")


def test_every_key(read):
    skill = read(
        "name: translate\ndescription: Translates\n  a text.\nmodel_preference: local/llama3.1:8b\n"
        "system_prompt: You translate.\nuser_prompt_template: 'To {{ language }}: {{ input }}'\n"
        "tools: [calculator, web-scraper]\n"
        "output_format:\n  type: object\n  properties: {text: {type: string}}\n  required: [text]\n"
    )
    assert (skill.name, skill.description, skill.kind) == ("translate", "Translates a text.", "prompt")
    assert skill.model_preference == "local/llama3.1:8b"
    assert skill.system_prompt == "You translate."
    assert skill.user_prompt_template == "To {{ language }}: {{ input }}"
    assert skill.tools == ("calculator", "web-scraper")
    assert skill.schema["properties"] == {"text": {"type": "string"}}
    assert skill.warnings == ()


def test_the_least(read):
    skill = read("description: Says it back.", "echo.yml")
    assert (skill.name, skill.user_prompt_template, skill.output_format) == ("echo", "{{ input }}", "text")
    assert (skill.schema, skill.system_prompt, skill.model_preference, skill.tools) == (None, None, None, ())


def test_another_name_than_the_file(read):
    skill = read("name: other\ndescription: x")
    assert skill.name == "other"
    assert "the name 'other' is not that of its file" in skill.warnings[0]


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("description: x\nsystem_promt: y", "no key 'system_promt'", "did you mean 'system_prompt'?"),
        ("description: x\nzzz: y", "no key 'zzz'", "its keys are: name, description, model_preference"),
        ("name: x", "has no description", "in a sentence"),
        ("description: 12", "description must be a text", "quotes"),
        ("description: x\nname: [a]", "name must be a text", "quotes"),
        ("description: x\ntools: calculator", "tools must be a list of names", "tools: [calculator"),
        ("description: x\ntools: [{a: b}]", "tools must be a list of names", "tools: [calculator"),
        ("description: x\noutput_format: json", "output_format can't be 'json'", "or a JSON schema"),
        ("description: x\noutput_format: {type: nothing}", "output_format: ", ""),
        ("description: x\nsystem_prompt: &a x\nname: *a", "an alias", ""),
        ("nothing", "no mapping", ""),
    ],
)
def test_mistakes_are_named(read, text, why, hint):
    with pytest.raises(SkillError, match=r"translate\.yaml") as caught:
        read(text)
    assert why in caught.value.message
    assert hint in (caught.value.hint or "")


def test_the_shipped_ones_are_in_order():
    library = Library(skill_folders()[-1:])
    assert (library.problems, library.remarks) == ([], [])
    assert len(library.skills) == 5
    for skill in library.skills.values():
        variables = {variable.name: variable.required for variable in variables_of(skill)}
        assert variables.pop("input") is True
        assert not any(variables.values())
