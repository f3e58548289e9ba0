"""Skills in scripts: found, filled in, run, and taken up by agents."""

import json

import pytest

from llmspell.providers.contract import ModelInfo, ToolCall
from llmspell.testing import ScriptedProvider

TRANSLATE = """\
description: Translates a text.
system_prompt: You translate{% if tone is defined %} in a {{ tone }} tone{% endif %}.
user_prompt_template: "To {{ language }}: {{ input }}"
"""
PDF = "---\nname: pdf\ndescription: Reads PDF files.\n---\nRead {{ it }}.\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))


@pytest.fixture(autouse=True)
def write(folder):
    def write(path, text):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    write(".llmspell/skills/translate.yaml", TRANSLATE)
    write(".agents/skills/pdf/SKILL.md", PDF)
    write(".agents/skills/pdf/forms.md", "the forms")
    return write


def test_list_and_get(lua, folder):
    out = lua("""
      for _, skill in ipairs(Skill.list()) do print(skill.name, skill.kind, skill.source) end
      print(JSON.stringify(Skill:get("translate")))
      print(JSON.stringify(Skill.get("pdf")))
      print(Skill.get("nothing"))
    """)
    assert out[:-3] == [
        "chat\tprompt\tllmspell",
        "code-review\tprompt\tllmspell",
        "commit-message\tprompt\tllmspell",
        "explain\tprompt\tllmspell",
        "pdf\tinstructions\tproject",
        "summarize\tprompt\tllmspell",
        "translate\tprompt\tproject",
    ]
    prompt, instructions = map(json.loads, out[-3:-1])
    assert prompt["variables"] == [
        {"name": "input", "required": True},
        {"name": "language", "required": True},
        {"name": "tone", "required": False},
    ]
    assert prompt["path"] == str(folder / ".llmspell/skills/translate.yaml")
    assert (prompt["prompt"], prompt["format"], prompt["tools"]) == ("To {{ language }}: {{ input }}", "text", [])
    assert (instructions["system_prompt"], instructions["resources"]) == ("Read {{ it }}.", ["forms.md"])
    assert out[-1] == "nil"


def test_render(lua):
    assert lua("""
      local texts = Skill.render("translate", { language = "French", input = "Hello", tone = "dry" })
      print(texts.system_prompt) print(texts.prompt)
      print(Skill:render("chat", "Hello").prompt)
      for _, given in ipairs { "Hello", { langauge = "French" }, 3 } do
        local ok, err = pcall(Skill.render, "translate", given)
        print(err.type, err.message, err.hint)
      end
      local ok, err = pcall(Skill.render, "translat", "x")
      print(err.type, err.hint)
      print(select(2, pcall(Skill.render)).message)
    """) == [
        "You translate in a dry tone.",
        "To French: Hello",
        "Hello",
        "skill_error\tthe skill 'translate' needs the variable 'language'\t"
        "its variables are: input, language, tone (optional)",
        "skill_error\tthe skill 'translate' has no variable 'langauge'\tdid you mean 'language'?",
        "invalid_request\ta skill takes a text or a table of variables, not 3\tnil",
        "skill_error\tdid you mean 'translate'?",
        "Skill.render takes the name of a skill",
    ]


def test_run_is_a_turn_of_an_agent(lua, provider):
    assert lua("""
      local result = Skill.run("translate", { language = "French", input = "Hello" }, { max_tokens = 9 })
      print(result.text, result.success, result.finish_reason, result.usage.total_tokens > 0, result.model)
      print(#Agent.list())
    """) == ["To French: Hello\ttrue\tstop\ttrue\tmodel", "0"]
    (request,) = provider.requests
    assert [(message.role, message.content) for message in request.messages] == [
        ("system", "You translate."),
        ("user", "To French: Hello"),
    ]
    assert request.options["max_tokens"] == 9


def test_run_honours_tools_and_format(lua, write):
    write(
        ".llmspell/skills/sum.yaml",
        "description: Adds.\ntools: [add]\noutput_format:\n  type: object\n  properties: {sum: {type: integer}}\n"
        "  required: [sum]\n",
    )
    model = ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))
    provider = ScriptedProvider(name="fake", models=(model,))
    provider.enqueue(ToolCall("1", "add", {"a": 2, "b": 3}), finish="tool_calls")
    provider.enqueue("so it is 5")
    provider.enqueue('{"sum": 5}')
    out = lua(
        """
      Tool.register { name = "add", description = "Adds.", parameters = { a = "integer", b = "integer" },
                      handler = function(args) return args.a + args.b end }
      local result = Skill.run("sum", "2 and 3")
      print(result.data.sum, result.tool_calls[1].result)
      """,
        provider,
    )
    assert out == ["5\t5"]
    assert provider.requests[0].tools[0].name == "add"


def test_run_prefers_a_model_that_is_there(lua, write, provider, heard):
    write(".llmspell/skills/near.yaml", "description: x\nmodel_preference: fake/other")
    write(".llmspell/skills/far.yaml", "description: x\nmodel_preference: fake/none")
    provider = ScriptedProvider(name="fake", models=("model", "other"), answer=lambda request: [request.model.id])
    assert lua(
        'for _, name in ipairs { "near", "far" } do print(Skill.run(name, "x").text) end\n'
        'print(Skill.run("near", "x", { model = "fake/model" }).text)',
        provider,
    ) == ["other", "model", "model"]
    assert len(heard) == 1
    assert "the default model answers, as fake/none isn't there" in heard[0]


def test_instructions_are_run_with_their_files_at_hand(lua):
    model = ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))
    provider = ScriptedProvider(name="fake", models=(model,))
    provider.enqueue(ToolCall("1", "read_skill_resource", {"skill": "pdf", "path": "forms.md"}), finish="tool_calls")
    provider.enqueue("read")
    assert lua('local r = Skill.run("pdf", "Which forms?") print(r.text, r.tool_calls[1].result)', provider) == [
        "read\tthe forms"
    ]
    first = provider.requests[0]
    assert "Read {{ it }}." in first.messages[0].content
    assert [tool.name for tool in first.tools] == ["read_skill_resource"]


def test_an_agent_takes_skills_up(lua, write):
    write("../me/.agents/skills/csv/SKILL.md", "---\ndescription: Reads tables.\n---\nCount the columns.\n")
    model = ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))
    provider = ScriptedProvider(name="fake", models=(model,))
    for turn in range(3):
        provider.enqueue(ToolCall(str(turn), "activate_skill", {"name": "csv"}), finish="tool_calls")
        provider.enqueue("done")
    provider.enqueue(ToolCall("3", "activate_skill", {"name": "zip"}), finish="tool_calls")
    provider.enqueue("sorry")
    out = lua(
        """
      local agent = Agent.create { system_prompt = "Be kind.", skills = true }
      print(agent:execute("Count my columns.").tool_calls[1].result)
      print(agent:execute("Again.").tool_calls[1].result)
      agent:reset()
      print(agent:execute("And again.").tool_calls[1].result)
      print(agent:execute("Unzip it.").tool_calls[1].error.message)
      """,
        provider,
    )
    content = ['<skill_content name="csv">', "Count the columns.", "</skill_content>"]
    assert out[:3] == content
    assert out[3].startswith("The skill 'csv' is active already")
    assert out[4:7] == content
    assert "csv" in out[7]
    system = provider.requests[0].messages[0].content
    assert system.startswith("Be kind.\n\n")
    assert "<name>csv</name>" in system
    assert "<name>pdf</name>" in system
    assert "Count" not in system


def test_an_agent_without_skills_has_none(lua, write, folder):
    model = ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))
    provider = ScriptedProvider(name="fake", models=(model,), answer=lambda request: ["hi"])
    (folder / ".agents/skills/pdf/SKILL.md").unlink()
    lua('Agent.create{ skills = true }:execute("Hello")  Agent.create{}:execute("Hello") print(1)', provider)
    for request in provider.requests:
        assert request.tools == ()
        assert [message.role for message in request.messages] == ["user"]


@pytest.mark.parametrize(
    ("skills", "why"),
    [
        ('{ "pfd" }', "there is no skill 'pfd'"),
        ('{ "translate" }', "the skill 'translate' is a prompt"),
        ("3", "skills must be"),
    ],
)
def test_skills_that_an_agent_can_t_have(lua, skills, why):
    _, err = lua(f"Agent.create {{ skills = {skills} }}", code=1)
    assert why in err


def test_a_broken_skill_is_said_in_a_list_and_raised_where_it_is_named(lua, write, heard):
    write(".llmspell/skills/bad.yaml", "description: x\nsystem_promt: y")
    out = lua("""
      print(#Skill.list())
      for _, ask in ipairs { Skill.get, Skill.render, Skill.run } do
        local ok, err = pcall(ask, "bad", "x")
        print(ok, err.type, err.hint)
      end
    """)
    assert out == ["7", *["false\tskill_error\tdid you mean 'system_prompt'?"] * 3]
    assert ["has no key 'system_promt'" in text for text in heard] == [True]
