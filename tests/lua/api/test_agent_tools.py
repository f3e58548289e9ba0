"""Agents of scripts that call tools of scripts."""

import pytest

from llmspell.providers.contract import ModelInfo, ToolCall
from llmspell.testing import ScriptedProvider


@pytest.fixture
def provider():
    """The provider ``fake``, whose model calls tools by itself."""
    return ScriptedProvider(
        name="fake",
        models=[ModelInfo("model", "fake", capabilities=frozenset({"chat", "tools"}))],
        answer=lambda request: [request.messages[-1].content],
    )


def call(name, id="1", **arguments):
    return ToolCall(id, name, arguments)


DOUBLE = """
  local function double(name)
    return { name = name or "double", description = "Doubles.", parameters = { n = "integer: what" },
      handler = function(args) return args.n * 2 end }
  end
"""


def test_a_handler_runs_in_the_script(lua, provider):
    provider.enqueue(call("double", n=4)).enqueue("eight")
    assert lua(
        DOUBLE
        + """
      local seen = 0
      local tool = double()
      local inner = tool.handler
      tool.handler = function(args) seen = seen + 1 return inner(args) end
      local a = Agent.create{ tools = { tool } }
      local r = a:execute("twice 4?")
      print(r.text, seen, r.rounds, r.tool_calls[1].name, r.tool_calls[1].result, r.tool_calls[1].status)
      for _, m in ipairs(a:messages()) do
        print(m.role, m.content, m.tool_call_id, m.tool_calls and m.tool_calls[1].id)
      end
      print(a:get_metrics().tool_invocations)
    """
    ) == [
        "eight\t1\t1\tdouble\t8\tdone",
        "user\ttwice 4?\tnil\tnil",
        "assistant\t\tnil\t1",
        "tool\t8\t1\tnil",
        "assistant\teight\tnil\tnil",
        "1",
    ]
    assert provider.requests[0].tools[0].parameters["properties"]["n"]["type"] == "integer"


def test_a_handle_and_a_name_do_too(lua, provider):
    provider.enqueue(call("double", n=1)).enqueue("two").enqueue(call("double", n=2)).enqueue("four")
    assert lua(
        DOUBLE
        + """
      local handle = Tool.register(double())
      print(Agent.create{ tools = { handle } }:execute("?").tool_calls[1].result)
      print(Agent.create{ allowed_tools = { "double" } }:execute("?").tool_calls[1].result)
    """
    ) == ["2", "4"]


def test_the_builder_takes_them_too(lua, provider):
    provider.enqueue(call("double", n=3)).enqueue("six")
    assert lua(DOUBLE + 'print(Agent.builder():tools{ double() }:build():execute("?").tool_calls[1].result)') == ["6"]


@pytest.mark.parametrize(
    ("answer", "status", "seen"),
    [
        ("true", "done", "14"),
        ("false", "denied", "nil"),
        ("nil", "denied", "nil"),
        ("'not today'", "denied", "nil"),
        ("{ n = 100 }", "done", "200"),
    ],
)
def test_the_gate_decides(lua, provider, answer, status, seen):
    provider.enqueue(call("double", n=7)).enqueue("well")
    out = lua(
        DOUBLE
        + f"""
      local a = Agent.create{{ tools = {{ double() }}, approve = function(call)
        print(call.name, call.arguments.n, call.id)
        return {answer}
      end }}
      local done = a:execute("?").tool_calls[1]
      print(done.status, done.result, done.error and done.error.message)
    """
    )
    assert out[0] == "double\t7\t1"
    assert out[1].startswith(f"{status}\t{seen}\t")
    assert ("not today" in out[1]) == (answer == "'not today'")


def test_a_gate_that_fails_fails_the_turn(lua, provider):
    provider.enqueue(call("double", n=7))
    assert lua(
        DOUBLE
        + """
      local a = Agent.create{ tools = { double() }, approve = function() error("the gate is stuck") end }
      local ok, e = pcall(a.execute, a, "?")
      print(ok, e, #a:messages())
    """
    ) == ["false\tmain.lua:8: main.lua:7: the gate is stuck\t0"]


def test_what_a_handler_raises_is_told_to_the_model_and_kept(lua, provider):
    provider.enqueue(call("t")).enqueue("sorry")
    assert lua("""
      local a = Agent.create{ tools = { { name = "t", description = "d", handler = function() error("no luck") end } } }
      local c = a:execute("?").tool_calls[1]
      print(c.status, c.result, c.error.message)
    """) == ["failed\tnil\tmain.lua:2: no luck"]
    assert "no luck" in provider.requests[1].messages[-1].content


def test_parallel_tools_run_beside_each_other_and_others_in_order(lua, provider):
    provider.enqueue(call("slow", "1", n=1), call("slow", "2", n=2)).enqueue("done")
    source = """
      local slow = { name = "slow", description = "d", parallel = %s, parameters = { n = "integer" } }
      function slow.handler(args)
        print("from", args.n)
        sleep(0.02 / args.n)
        print("to", args.n)
        return args.n
      end
      local r = Agent.create{ tools = { slow } }:execute("?")
      print(r.tool_calls[1].status, r.tool_calls[2].status)
    """
    assert lua(source % "true") == ["from\t1", "from\t2", "to\t2", "to\t1", "done\tdone"]
    provider.enqueue(call("slow", "1", n=1), call("slow", "2", n=2)).enqueue("done")
    assert lua(source % "false") == ["from\t1", "to\t1", "from\t2", "to\t2", "done\tdone"]


def test_events_tell_of_each_step(lua, provider):
    provider.enqueue("Let me see. ", call("double", n=4)).enqueue("It is ", "eight.")
    assert lua(
        DOUBLE
        + """
      for text, event in Agent.create{ tools = { double() } }:stream("?") do
        print(event.type, text, event.name, event.status, event.result)
      end
    """
    ) == [
        "text\tLet me see. \tnil\tnil\tnil",
        "tool_call\t\tdouble\tnil\tnil",
        "tool_started\t\tdouble\tnil\tnil",
        "tool_finished\t\tdouble\tdone\t8",
        "text\tIt is \tnil\tnil\tnil",
        "text\teight.\tnil\tnil\tnil",
        "finish\t\tnil\tnil\tnil",
    ]


def test_the_limit_of_rounds_is_an_error_with_what_there_is(lua, provider):
    for number in range(3):
        provider.enqueue(call("double", str(number), n=number))
    assert lua(
        DOUBLE
        + """
      local a = Agent.create{ tools = { double() }, max_rounds = 2 }
      local ok, e = pcall(a.execute, a, "?")
      print(ok, e.type, #e.result.tool_calls, e.result.tool_calls[3].status, #a:messages())
    """
    ) == ["false\tround_limit\t3\tskipped\t0"]


def test_an_agent_is_a_tool(lua, provider):
    provider.enqueue(call("poet", prompt="rain")).enqueue("drip drop").enqueue("The poet says: drip drop")
    assert lua("""
      local poet = Agent.create{ name = "poet", description = "Writes verses." }
      local a = Agent.create{ tools = { poet:as_tool() } }
      local r = a:execute("A verse about rain!")
      print(r.text, r.tool_calls[1].result, #poet:messages())
      local tool = poet:as_tool{ description = "Other.", name = "other", remember = true }
      print(tool.name, tool.description, tool.parallel)
    """) == ["The poet says: drip drop\tdrip drop\t0", "other\tOther.\tfalse"]


def test_an_agent_that_calls_agents_that_call_tools(lua, provider):
    provider.enqueue(call("helper", prompt="4?")).enqueue(call("double", n=4)).enqueue("8").enqueue("it is 8")
    assert lua(
        DOUBLE
        + """
      local helper = Agent.create{ name = "helper", description = "Helps.", tools = { double() } }
      local r = Agent.create{ tools = { helper:as_tool{ remember = true } } }:execute("twice 4?")
      print(r.text, helper:last().tool_calls[1].result)
    """
    ) == ["it is 8\t8"]


def test_an_agent_that_asks_itself_is_found_out(lua, provider):
    provider.enqueue(call("deeper")).enqueue(call("deeper")).enqueue("well").enqueue("so")
    assert lua("""
      local a, b
      local function tool(of) return { name = "deeper", description = "d", handler = function()
        return parallel{ function() return of():execute("again").text end }[1]
      end } end
      a = Agent.create{ name = "a", tools = { tool(function() return b end) } }
      b = Agent.create{ name = "b", tools = { tool(function() return a end) } }
      print(a:execute("?").text)
      print(b:last().tool_calls[1].result.error.message)
      print(a:execute("?").text) -- and is free afterwards
    """) == ["so", "a is asked by one of its own tools, and would wait for itself", "?"]


def test_leaving_a_turn_stops_the_tool(lua, provider):
    provider.enqueue(call("slow"))
    assert lua("""
      local a = Agent.create{ tools = { { name = "slow", description = "d", handler = function()
        local guard <close> = setmetatable({}, { __close = function() print("stopped") end })
        sleep(60)
      end } } }
      local ok, e = pcall(timeout, 0.05, function() a:execute("?") end)
      sleep(0.01) -- the turn and its tool hear of it when the script waits
      print(ok, e.type, #a:messages(), a:last().finish_reason)
    """) == ["stopped", "false\ttimeout\t0\tcancelled"]


def test_a_thousand_agents_with_tools_are_forgotten_with_their_functions(lua):
    assert lua(
        DOUBLE
        + """
      local before
      for i = 1, 1500 do
        local a = Agent.create{ tools = { double("t" .. i) }, approve = function() return a end }
        if i == 300 then collectgarbage() collectgarbage() before = collectgarbage("count") end
      end
      collectgarbage() collectgarbage()
      print(collectgarbage("count") < before * 1.5)
    """
    ) == ["true"]


def test_a_dropped_agent_keeps_its_functions_while_its_turn_runs(lua, provider):
    provider.enqueue(call("t")).enqueue("done")
    assert lua("""
      local function ask()
        local tool = { name = "t", description = "d", handler = function() return 5 end }
        return Agent.create{ tools = { tool } }:execute("?")
      end
      local task = Task.spawn(ask)
      sleep(0)
      for _ = 1, 5 do collectgarbage() end
      print(task:wait().tool_calls[1].result)
    """) == ["5"]


def test_a_registered_agent_keeps_its_functions(lua, provider):
    provider.enqueue(call("t")).enqueue("done")
    assert lua("""
      Agent.register{ name = "x", tools = { { name = "t", description = "d", handler = function() return 6 end } } }
      for _ = 1, 5 do collectgarbage() end
      print(Agent.get("x"):execute("?").tool_calls[1].result)
    """) == ["6"]


def test_a_fork_has_the_same_tools(lua, provider):
    provider.enqueue(call("double", n=5)).enqueue("ten")
    assert lua(
        DOUBLE
        + """
      local copy = Agent.create{ tools = { double() } }:fork()
      for _ = 1, 5 do collectgarbage() end
      print(copy:execute("?").tool_calls[1].result)
    """
    ) == ["10"]


def test_a_fork_with_changes_keeps_tools_and_gate_alive(lua, provider):
    provider.enqueue(call("double", n=5)).enqueue("ten").enqueue(call("double", n=6)).enqueue("ten again")
    assert lua(
        DOUBLE
        + """
      local gate = function(call) return { n = call.arguments.n + 1 } end
      local copy = Agent.create{ tools = { double() }, approve = gate }:fork{ seed = 1 }
      gate = nil
      for _ = 1, 5 do collectgarbage() end
      print(copy:execute("?").tool_calls[1].result)
      print(copy:fork{ approve = false }:execute("?").tool_calls[1].result)
    """
    ) == ["12", "12"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("tools = { 'no-such-tool' }", "there is no tool 'no-such-tool'"),
        ("tools = { { name = 't', description = 'd' } }", "tool 't' has no handler"),
        ("tools = { double(), double() }", "double"),
        ("tools = 5", "tools"),
        ("tools = { 5 }", "a tool is a name or a table"),
        ("approve = 5", "approve"),
        ("max_rounds = 0.5", "max_rounds"),
        ("tool_mode = 'magic'", "tool_mode"),
        ("name = print", "name must be a text"),
    ],
)
def test_what_is_wrong_is_said_when_the_agent_is_made(lua, settings, message):
    (line,) = lua(DOUBLE + f"local ok, e = pcall(Agent.create, {{ {settings} }}) print(ok, e.type, e.message)")
    assert line.startswith("false\t")
    assert message in line


def test_many_models_answer_in_the_order_of_their_names(lua, provider):
    other = ScriptedProvider(name="other", models=("slow",), answer=lambda request: [0.05, "late"])
    assert lua(
        """
      local all = Agent.query_all{ models = { "other/slow", "fake/model", "fake/none", "other/slow" }, prompt = "Hi" }
      for _, a in ipairs(all) do print(a.model, a.ok, a.text, a.error and a.error.type, math.type(a.ms)) end
      print(all[2].usage.total_tokens > 0, #Agent.list())
    """,
        provider,
        other,
    ) == [
        "other/slow\ttrue\tlate\tnil\tfloat",
        "fake/model\ttrue\tHi\tnil\tfloat",
        "fake/none\tfalse\tnil\tmodel_not_found\tfloat",
        "other/slow\ttrue\tlate\tnil\tfloat",
        "true\t0",
    ]


def test_a_model_that_is_too_slow_is_an_answer_too(lua, provider):
    other = ScriptedProvider(name="other", models=("slow",), answer=lambda request: ["so far", 60.0])
    assert lua(
        """
      local all = Agent.query_all{ models = { "other/slow", "fake/model" }, prompt = "Hi", timeout = 0.05 }
      print(all[1].ok, all[1].error.type, all[2].ok)
    """,
        provider,
        other,
    ) == ["false\ttimeout\ttrue"]


@pytest.mark.parametrize("request_", ["{}", "{ models = 'x', prompt = 'y' }", "{ models = {}, prompt = 'y' }", "5"])
def test_a_question_for_nobody_is_refused(lua, request_):
    (line,) = lua(f"local ok, e = pcall(Agent.query_all, {request_}) print(ok, e.type, e.message)")
    assert line.startswith("false\tinvalid_request\tAgent.query_all ")
