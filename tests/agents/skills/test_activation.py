"""Skills as an agent has them: the catalog, activation, and the files of a skill."""

import pytest

from llmspell.agents.skills.activation import ACTIVATE, READ, attach
from llmspell.errors import InvalidRequest, SkillError
from llmspell.providers.contract import Message
from llmspell.providers.schemas import check_schema, violations


@pytest.fixture
def two(skill, folders):
    skill("pdf", "Extracts text from PDF files. Use it for forms & <tables> too.", "# Steps\n\nRead {{ it }}.",
          **{"references/FORMS.md": "the forms", "scripts/x.py": "print(1)"})  # fmt: skip
    skill("csv", "Reads tables.", "Count the columns.")
    return folders()


def tools(attached):
    return {tool.name: tool for tool in attached.tools}


def test_nothing_where_there_are_no_skills(folders, write):
    write("skills/echo.yaml", "description: A prompt is none that an agent takes up.")
    attached = attach(True, folders())
    assert (attached.prompt, attached.tools) == ("", ())
    assert attach([], folders()).prompt == ""


def test_the_catalog_has_names_and_descriptions_only(two):
    attached = attach(True, two)
    assert ACTIVATE in attached.prompt
    assert "<name>pdf</name>" in attached.prompt
    assert "forms &amp; &lt;tables&gt; too." in attached.prompt
    assert "Steps" not in attached.prompt
    assert "Count" not in attached.prompt


def test_the_catalog_stays_short(skill, folders):
    skill("long", "x" * 5000)
    assert attach(True, folders()).prompt.count("x") < 1100


def test_the_tools_take_the_names_that_there_are(two):
    activate, read = attach(True, two).tools
    assert (activate.name, read.name) == (ACTIVATE, READ)
    assert activate.parameters["properties"]["name"]["enum"] == ["csv", "pdf"]
    assert read.parameters["properties"]["skill"]["enum"] == ["pdf"]  # the other has no files
    for tool in (activate, read):
        schema = check_schema(tool.parameters)
        for _, arguments in tool.examples:
            assert violations(arguments, schema) == []
    assert ("How do I extract text from PDF files?", {"name": "pdf"}) in activate.examples
    assert "pdf: extract text from PDF files" in activate.description
    assert list(violations({"name": "zip"}, check_schema(activate.parameters)))


def test_only_those_that_are_named(two):
    attached = attach(["csv"], two)
    assert list(tools(attached)) == [ACTIVATE]
    assert "pdf" not in attached.prompt


def test_activation_gives_the_instructions_and_the_names_of_the_files(two, tmp_path):
    activate = tools(attach(True, two))[ACTIVATE].run
    assert activate({"name": "pdf"}, None) == (
        '<skill_content name="pdf">\n# Steps\n\nRead {{ it }}.\n\n'
        f"Folder of the skill: {tmp_path}/skills/pdf\n<skill_resources>\n  <file>references/FORMS.md</file>\n"
        "  <file>scripts/x.py</file>\n</skill_resources>\n</skill_content>"
    )
    assert activate({"name": "csv"}, None) == '<skill_content name="csv">\nCount the columns.\n</skill_content>'


def test_a_skill_is_active_once(two):
    attached = attach(True, two)
    activate = tools(attached)[ACTIVATE].run
    assert "# Steps" in activate({"name": "pdf"}, None)
    assert activate({"name": "pdf"}, None).startswith("The skill 'pdf' is active already")


def test_a_skill_is_active_where_its_instructions_stand(two):
    attached = attach(True, two)
    content, again = attached.activate({"name": "csv"}), attached.activate({"name": "csv"})
    attached.recall([Message("user", "x"), Message("tool", content, tool_call_id="1"), Message("tool", again)])
    assert attached.activate({"name": "csv"}) == again
    assert "# Steps" in attached.activate({"name": "pdf"})
    for messages in ([], [Message("tool", again)], [Message("user", content)]):  # forgotten, or sent by somebody
        attached.recall(messages)
        assert attached.activate({"name": "csv"}) == content


def test_agents_have_their_own_activations(two):
    first, second = attach(True, two), attach(True, two)
    first.activate({"name": "csv"})
    assert "Count" in second.activate({"name": "csv"})


def test_an_active_skill_is_in_the_prompt(two):
    attached = attach({"pdf": "active", "csv": True}, two)
    assert '<skill_content name="pdf">\n# Steps' in attached.prompt
    assert "<name>csv</name>" in attached.prompt
    assert "<name>pdf</name>" not in attached.prompt
    activate, read = attached.tools
    assert activate.parameters["properties"]["name"]["enum"] == ["csv"]
    assert read.run({"skill": "pdf", "path": "references/FORMS.md"}, None) == "the forms"
    alone = attach({"csv": "active"}, two)
    assert (alone.prompt, alone.tools) == ('<skill_content name="csv">\nCount the columns.\n</skill_content>', ())


def test_files_are_read_inside_the_skill_only(two):
    read = tools(attach(True, two))[READ].run
    assert read({"skill": "pdf", "path": "scripts/x.py"}, None) == "print(1)"  # read, never run
    with pytest.raises(SkillError, match="is not in the folder of the skill"):
        read({"skill": "pdf", "path": "../csv/SKILL.md"}, None)
    with pytest.raises(SkillError, match="No such file") as caught:
        read({"skill": "pdf", "path": "FORMS.md"}, None)
    assert caught.value.hint == "it has: references/FORMS.md, scripts/x.py"
    with pytest.raises(SkillError, match="there is no skill 'zip'"):
        read({"skill": "zip", "path": "x"}, None)


def test_what_changes_on_disk_is_seen(two, skill, tmp_path):
    attached = attach(True, two)
    skill("csv", "Reads tables.", "Count the rows.")
    assert "Count the rows." in attached.activate({"name": "csv"})
    (tmp_path / "skills" / "pdf" / "SKILL.md").unlink()
    with pytest.raises(SkillError, match=r"cannot read .*SKILL\.md"):
        attached.activate({"name": "pdf"})
    skill("pdf", "Back again.")
    assert "Do it." in attached.activate({"name": "pdf"})  # what failed is not active


def test_names_that_are_wrong(two, write):
    write("skills/echo.yaml", "description: A prompt.")
    with pytest.raises(SkillError, match="there is no skill 'pfd'"):
        attach(["pfd"], two)
    with pytest.raises(SkillError, match=r"the skill 'echo' is a prompt .*echo\.yaml") as caught:
        attach(["echo"], two)
    assert "Skill.run" in caught.value.hint
    for names in ("pdf", 3, None, [1], {"pdf": "on"}, {1: 2}):
        with pytest.raises(InvalidRequest, match="skills must be true"):
            attach(names, two)


def test_what_was_left_out_is_said_where_all_were_asked_for(two, write):
    write("skills/bad/SKILL.md", "no head")
    assert [notice.level for notice in attach(True, two).notices] == ["info"]
    assert attach(["csv"], two).notices == ()
