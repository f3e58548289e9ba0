"""The global Agent, as scripts use it."""

import asyncio

import pytest

from llmspell.errors import ProviderError
from llmspell.providers.contract import Notice, PromptProgress, ReasoningDelta, Usage


def test_execute_gives_the_fixed_shape(lua, provider):
    provider.enqueue("Hel", "lo", usage=Usage(7, 3, 2))
    assert lua("""
        local r = Agent.create{ model = "fake/model" }:execute{ text = "hi" }
        print(r.text, r.response, r.content, r.success, r.data, r.finish_reason, r.model, r.provider)
        local u = r.usage
        print(u.input_tokens, u.output_tokens, u.total_tokens, u.cached_tokens, math.type(u.total_tokens))
        print(r.timings.first_token_ms > 0, r.timings.total_ms > 0, r.timings.tokens_per_second > 0)
        print(r.metadata.token_count, math.type(r.metadata.execution_time_ms))
    """) == [
        "Hello\tHello\tHello\ttrue\tnil\tstop\tmodel\tfake",
        "7\t3\t10\t2\tinteger",
        "true\ttrue\ttrue",
        "10\tinteger",
    ]


def test_every_form_of_input(lua):
    assert lua("""
        local a = Agent.create{ memory_enabled = false }
        print(a:execute("one").text, a:execute{ text = "two" }.text, a:execute{ prompt = "three" }.text)
        print(a:execute{ input = "four" }.text, a:complete("five"), a:execute("six", { temperature = 0 }).text)
    """) == ["one\ttwo\tthree", "four\tfive\tsix"]


def test_the_model_of_an_agent_that_names_none(lua):
    assert lua("local a = Agent.create() print(a.model, a.id, a.name, tostring(a))") == [
        "fake/model\tagent_1\tagent_1\tAgent(agent_1)"
    ]


def test_the_conversation(lua):
    assert lua("""
        local a = Agent.create{ system_prompt = "S" }
        a:execute("one")
        local b = a:fork()
        b:execute("two")
        for _, m in ipairs(b:messages()) do io.write(m.role, "=", m.content, " ") end
        a:reset()
        print(#a:messages(), #b:messages(), a == b, a ~= b)
    """) == ["system=S user=one assistant=one user=two assistant=two 1\t5\tfalse\ttrue"]


def test_the_last_turn_is_taken_back(lua):
    assert lua("""
        local a = Agent.create{ system_prompt = "S" }
        a:execute("one")
        a:execute("two")
        print(a:undo(), #a:messages(), a:messages()[2].content, a:undo(), a:undo(), #a:messages())
    """) == ["true\t3\tone\ttrue\tfalse\t1"]


def test_a_fork_with_other_settings(lua):
    assert lua("""
        local a = Agent.create{ system_prompt = "S", temperature = 0.1 }
        a:execute("one")
        local b = a:fork{ model = "fake/other", temperature = false, max_tokens = 7 }
        local config = b:get_config()
        print(b.model, config.system_prompt, config.temperature, config.max_tokens, #b:messages(), a.model)
        print(pcall(a.fork, a, { modle = "x" }))
    """) == [
        "fake/other\tS\tnil\t7\t3\tfake/model",
        "false\tmain.lua:7: Agent.create has no field 'modle'",
    ]


def test_a_stream_gives_text_and_events(lua, provider):
    provider.enqueue(PromptProgress(1, 2), ReasoningDelta("hm"), "a", Notice("n"), "b", usage=Usage(1, 2))
    assert lua("""
        local a = Agent.create()
        for text, e in a:stream("hi") do print(e.type, text, e.text, e.processed, e.finish_reason) end
        print(a:last().text, a:last().reasoning, a:last().usage.output_tokens, #a:messages())
    """) == [
        "progress\t\t\t1\tnil",
        "reasoning\t\thm\tnil\tnil",
        "text\ta\ta\tnil\tnil",
        "notice\t\tn\tnil\tnil",
        "text\tb\tb\tnil\tnil",
        "finish\t\t\tnil\tstop",
        "ab\thm\t2\t2",
    ]


def test_break_closes_the_stream(lua, provider):
    provider.enqueue("one", asyncio.Event()).enqueue("two")
    assert lua("""
        local a = Agent.create()
        for text in a:stream("hi") do print(text) break end
        print(a:last().finish_reason, a:last().text, a:last().success, #a:messages())
        print(a:execute("hi").text)
    """) == ["one", "cancelled\tone\tfalse\t0", "two"]
    assert (provider.running, provider.stopped) == (0, 1)


def test_an_error_in_the_loop_closes_the_stream(lua, provider):
    provider.enqueue("one", asyncio.Event())
    assert lua("""
        local a = Agent.create()
        print(pcall(function() for _ in a:stream("hi") do error("mine", 0) end end))
        print(a:last().finish_reason)
    """) == ["false\tmine", "cancelled"]
    assert (provider.running, provider.stopped) == (0, 1)


def test_a_timeout_around_a_stream_closes_it(lua, provider):
    provider.enqueue("one", asyncio.Event())
    assert lua("""
        local a = Agent.create()
        print(select(2, pcall(timeout, 0.05, function() for text in a:stream("hi") do print(text) end end)).type)
        print(a:last().finish_reason)
    """) == ["one", "timeout", "cancelled"]
    assert (provider.running, provider.stopped) == (0, 1)


def test_an_error_midway_comes_after_the_text_and_carries_it(lua, provider):
    provider.enqueue("one", "two", ProviderError("cut", provider="fake"))
    assert lua("""
        local a = Agent.create()
        local ok, e = pcall(function() for text in a:stream("hi") do print(text) end end)
        print(ok, e, e.type, e.partial, e.provider, e.retryable)
        print(a:last().text, a:last().finish_reason, a:last().error, a:get_last_error(), #a:messages())
    """) == [
        "one",
        "two",
        "false\tmain.lua:3: cut\tprovider_error\tonetwo\tfake\tfalse",
        "onetwo\terror\tcut\tcut\t0",
    ]


def test_asking_the_same_agent_inside_its_own_loop(lua, provider):
    provider.enqueue("a", "b").enqueue("inner")
    assert lua("""
        local a = Agent.create()
        for text, e in a:stream("hi") do
          if text == "a" then print(a:execute("again").text) end
        end
        print(#a:messages())
    """) == ["inner", "4"]


def test_a_stream_that_is_never_read_holds_nothing_up(lua, provider):
    provider.enqueue("a", "b").enqueue("next")
    assert lua("""
        local a = Agent.create()
        local stream = a:stream("hi")
        print(a:execute("again").text)
        print((stream()))
    """) == ["next", "a"]


def test_invoke_stream(lua, provider):
    provider.enqueue("a", ReasoningDelta("hm"), "b").enqueue("c")
    assert lua("""
        local a = Agent.create()
        local r = a:invokeStream({ text = "hi" }, function(event) io.write("<", event.text, event.type, ">") end)
        print(r.success, r.chunks_received, r.text)
        print(a:invokeStream("hi", { temperature = 0 }, function(event) print(event.text) end).chunks_received)
        print(pcall(a.invokeStream, a, "hi"))
    """) == [
        "<atext><btext>true\t2\tab",
        "c",
        "1",
        "false\tmain.lua:6: agent:invokeStream needs a function to call for each piece",
    ]


def test_structured_output(lua, provider):
    provider.enqueue('{"mood": "happy", "score": 5, "tags": []}').enqueue("sad")
    assert lua("""
        local a = Agent.create{ max_retries = 0, format = {
          type = "object",
          properties = { mood = { type = "string", enum = { "happy", "sad" } }, score = { type = "integer" } },
          required = { "mood" },
        } }
        local data = a:execute("How?").data
        print(data.mood, math.type(data.score), JSON.stringify(data))
        local ok, e = pcall(a.execute, a, "How?")
        print(e.type, e.partial, e.retryable, #a:messages())
    """) == ['happy\tinteger\t{"mood":"happy","score":5,"tags":[]}', "invalid_answer\tsad\ttrue\t2"]
    assert provider.requests[0].format["required"] == ["mood"]


def test_the_timeout_of_an_agent(lua, provider):
    provider.enqueue("part", asyncio.Event())
    assert lua("""
        local ok, e = pcall(function() Agent.create{ timeout = 0.05 }:execute("hi") end)
        print(e.type, e.partial)
    """) == ["timeout\tpart"]


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ('Agent.create{ systm_prompt = "x" }', "Agent.create has no field 'systm_prompt'", "'system_prompt'"),
        ('Agent.create{ temperature = "hot" }', "temperature must be a number from 0 to 5, not the string 'hot'", ""),
        ('Agent.create{ api_key = "k" }', "api_key: a script holds no keys", "environment variable"),
        ('Agent.create("gpt-4")', "Agent.create takes one table", "model ="),
        ('Agent.register{ model = "m" }', "Agent.register needs a name", ""),
        ("Agent.create():execute{}", "the input has no text", "agent:execute"),
        ('Agent.create().execute("hi")', "agent.execute was called without its agent", "with a colon"),
        ('Agent.create{ model = "fake/none" }:execute("hi")', "the scripted provider 'fake' has no model 'none'", ""),
        ('Agent.create{ model = "fak/model" }:execute("hi")', "provider called 'fak'", "did you mean 'fake'?"),
        ("Agent.builder():name(3):build()", "name must be a text, not 3", ""),
        ('Agent.get_info("nobody")', "is called 'nobody'", "Agent.list_instances"),
        ('Agent.create{ options = { knob = 1 } }:execute("x")', "cannot honour the option 'knob'", ""),
    ],
)
def test_errors_stand_at_the_line_of_the_script(lua, call, message, hint):
    lines = lua(f"""
        local ok, e = pcall(load({("local x = 1" + chr(10) * 2 + call)!r}, "=main.lua"))
        print(tostring(e))
        print(e.hint)
    """)
    assert lines[0].startswith("main.lua:3: ") and message in lines[0]
    assert hint in lines[-1]


def test_an_uncaught_error_ends_with_its_code(lua):
    _, err = lua(
        'Agent.create{ model = "fake/model@fake" }:execute("hi")\nAgent.create{ model = "zzz" }:execute("hi")', code=5
    )
    assert err.startswith("main.lua:2: no model 'zzz'")
    assert "hint: " in err


# ── the forms of the Rust llmspell's scripts ──────────────────────────────────────────────────────────────────────


def test_the_builder(lua, provider):
    assert lua("""
        local base = Agent.builder():type("llm"):model("fake/model"):temperature(0.5):max_tokens(9)
        local one = base:name("one"):custom_config{ system_prompt = "S", max_conversation_length = 4 }:build()
        local two = base:name("two"):description("D"):max_execution_time(7):max_tool_calls(3):build()
        print(one.name, two.name, #one:messages(), #two:messages())
        local c = two:get_config()
        print(c.timeout, c.temperature, c.max_tokens, c.description, c.resource_limits.max_tool_calls)
        one:execute("hi")
    """) == ["one\ttwo\t1\t0", "7.0\t0.5\t9\tD\t3"]
    assert provider.requests[0].options == {"temperature": 0.5, "max_tokens": 9}


def test_every_method_of_the_builder_chains(lua, heard):
    assert lua("""
        local b = Agent.builder()
          :name("n"):description("d"):model("model"):provider("fake"):system_prompt("s"):temperature(0):max_tokens(1)
          :max_conversation_length(4):allow_tool("a"):tool("b"):allowed_tools({ "c" }):max_execution_time(1)
          :max_memory_mb(1):max_tool_calls(1):max_recursion_depth(1):type("llm"):custom_config({})
          :resource_limits({ max_tool_calls = 2 }):capability("talk"):memory_enabled(true):context_window(100)
          :timeout(5):options({ seed = 1 }):format({ type = "string" })
        local a = b:build()
        print(a.model, a:get_config().timeout, a:get_config().capabilities[1])
    """) == ["fake/model\t5.0\ttalk"]
    assert [text.split()[0] for text in heard] == ["context_window", "allowed_tools:"]


def test_register_get_and_list(lua):
    assert lua("""
        print(Agent.register{ name = "r", agent_type = "llm", model = { provider = "fake", model_id = "model" } })
        local a = Agent.createAsync{ name = "c", model = "model", provider = "fake" }
        print(Agent.get("r"):execute("hi").text, Agent.get("c") == a, Agent.get("none"))
        print(table.concat(Agent.list_instances(), ","), Agent.list()[1].name, Agent.list()[1].type)
        print(Agent.get_info("llm").category, Agent.get_info("c").model, Agent.get_details("c").state)
        print(Agent.discover()[1].type, Agent.list_capabilities()[1], #Agent.discover_by_capability("streaming"))
        a:destroy()
        print(Agent.get("c"), select(2, pcall(a.execute, a, "x")).message)
    """) == [
        "r",
        "hi\ttrue\tnil",
        "r,c\tr\tllm",
        "agent\tfake/model\tready",
        "llm\tchat\t2",
        "nil\tagent_2 was destroyed",
    ]


def test_metrics_health_and_state(lua, provider):
    provider.enqueue("ok").enqueue(ProviderError("cut"))
    assert lua("""
        local a = Agent.create{ name = "a" }
        a:execute("one")
        print(a:is_healthy(), a:get_agent_state(), a:get_health().status, math.type(a:get_health().timestamp))
        pcall(a.execute, a, "two")
        local m, p = a:get_metrics(), a:get_performance()
        print(m.agent_id, m.requests_total, m.requests_failed, m.requests_active, m.tool_invocations)
        print(m.cpu_percent > 0, m.memory_bytes > 0, p.total_executions, p.success_rate, p.error_rate)
        print(a:get_health().status, a:get_state().state, #a:get_state().messages, a:get_details().name)
    """) == [
        "true\tready\thealthy\tinteger",
        "agent_1\t2\t1\t0\t0",
        "true\ttrue\t2\t0.5\t0.5",
        "unhealthy\terror\t2\ta",
    ]


# ── many at once ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_agents_answer_at_the_same_time(lua, provider):
    gate = asyncio.Event()

    def count(request):
        if provider.running == 3:
            gate.set()

    for _ in range(3):
        provider.enqueue(count, gate, "ok")
    assert lua("""
        local results = parallel({ 1, 2, 3 }, function(n) return Agent.create():execute("n" .. n).text end)
        print(results[1].value, results[2].value, results[3].value)
    """) == ["ok\tok\tok"]


def test_turns_of_one_agent_wait_for_each_other(lua):
    assert lua("""
        local a = Agent.create()
        parallel({ 1, 2, 3, 4 }, function(n) a:execute("n" .. n) end)
        for _, m in ipairs(a:messages()) do io.write(m.content, " ") end
    """) == ["n1 n1 n2 n2 n3 n3 n4 n4 "]


def test_ten_thousand_agents(lua):
    assert lua("""
        local agents = {}
        for i = 1, 10000 do agents[i] = Agent.create{ name = "a" .. i } end
        print(#Agent.list(), agents[10000]:execute("hi").text)
    """) == ["10000\thi"]


def test_garbage_agents_and_streams_are_released(lua, provider):
    provider.enqueue("a", asyncio.Event())
    assert lua("""
        Agent.register{ name = "kept" }
        local held = Agent.create{ name = "held" }
        for i = 1, 500 do Agent.create{ name = "a" .. i } end
        do held:stream("hi") end
        for i = 1, 300 do collectgarbage() sleep(0) end
        print(#Agent.list(), held.name, held:last().finish_reason)
    """) == ["2\theld\tcancelled"]
    assert (provider.running, provider.stopped) == (0, 1)


def test_a_script_may_break_the_string_library(lua):
    assert lua("""
        string.format, string.sub, pairs, ipairs, tostring, setmetatable = nil, nil, nil, nil, nil, nil
        local a = Agent.builder():name("n"):model("fake/model"):build()
        print(a:complete("hi"), Agent.list_instances()[1])
    """) == ["hi\tn"]
