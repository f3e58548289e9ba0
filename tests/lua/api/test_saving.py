"""Conversations that outlive the script."""

import pytest

from llmspell.providers.contract import ModelInfo, ToolCall
from llmspell.testing import ScriptedProvider


def test_a_conversation_goes_on_in_another_program(lua, provider):
    assert lua("""
      local a = Agent.create{ name = "x", system_prompt = "Be brief.", temperature = 0.5 }
      a:execute("one")
      a:save("talk")
      a:execute("two")
      print(#a:messages())
    """) == ["5"]
    assert lua("""
      local a = Agent.load("talk")
      print(a.name, #a:messages(), a:get_config().temperature)
      a:execute("three")
      for _, m in ipairs(a:messages()) do io.write(m.role, ":", m.content, " ") end
      print()
      a:save("talk")
      local all = Agent.saved()
      print(#all, all[1].name, all[1].model, all[1].turns, math.type(all[1].saved_at))
      print(Agent.forget("talk"), Agent.forget("talk"), #Agent.saved())
    """) == [
        "x\t3\t0.5",
        "system:Be brief. user:one assistant:one user:three assistant:three ",
        "1\ttalk\tfake/model\t2\tinteger",
        "true\tfalse\t0",
    ]


def test_settings_can_be_changed_on_the_way(lua):
    assert lua("""
      local a = Agent.create{ temperature = 0.5 }
      a:execute("one")
      a:save("talk")
      print(Agent.load("talk", { temperature = 0, name = "new" }):get_config().temperature)
    """) == ["0"]


@pytest.fixture
def caller():
    return ScriptedProvider(name="fake", models=[ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))])


TOOL = 'local t = { name = "t", description = "d", handler = function() return 5 end }\n'


def test_calls_and_results_come_back_as_they_were(lua, caller):
    caller.enqueue(ToolCall("7", "t", {})).enqueue("five").enqueue("again")
    first = 'local a = Agent.create{ tools = { t } } a:execute("?") a:save("x") print("saved")'
    then = """
      local a = Agent.load("x", { tools = { t } })
      print(a:messages()[2].tool_calls[1].id, a:messages()[3].tool_call_id, a:messages()[3].content)
      print(a:execute("and?").text)
    """
    assert lua(TOOL + first, caller) == ["saved"]
    assert lua(TOOL + then, caller) == ["7\t7\t5", "again"]


def test_what_only_the_script_can_give_has_to_be_given_again(lua, caller):
    saving = """
      Agent.create{ tools = { t } }:save("x")
      Agent.create{ tools = { t }, approve = function() end }:save("y")
      print("saved")
    """
    loading = """
      for _, name in ipairs{ "x", "y", "z" } do
        local ok, e = pcall(Agent.load, name, name == "y" and { tools = { t } } or nil)
        print(e.type, e.message, e.hint)
      end
    """
    assert lua(TOOL + saving, caller) == ["saved"]
    out = lua(TOOL + loading, caller)
    assert out[0].startswith("invalid_request\tthe saved conversation 'x' used a tool that isn't here now")
    assert "tools = { t }" in out[0]
    assert out[1].startswith("invalid_request\tthe tool calls of the saved conversation 'y' had to be approved")
    assert out[2].startswith("invalid_request\tno conversation was saved as 'z'")


@pytest.mark.parametrize("name", ["''", "5", "nil", "'a\\nb'"])
def test_what_is_no_name_is_refused(lua, name):
    (line,) = lua(f"local a = Agent.create{{}} local ok, e = pcall(a.save, a, {name}) print(ok, e.type)")
    assert line == "false\tinvalid_request"
