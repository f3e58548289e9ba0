"""What happens to a conversation that its model's context can't hold."""

import pytest

from llmspell.agents.context import ContextPolicy, fit, read_policy
from llmspell.agents.prompt_parts import SKILL_TOOL, essence
from llmspell.agents.skills.activation import ACTIVATE
from llmspell.agents.summary import SUMMARY
from llmspell.agents.tools.values import Ask
from llmspell.config import load
from llmspell.errors import ContextOverflow, InvalidRequest, UnsupportedOption
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Image, Message, ModelInfo, Provider, ToolCall, Usage
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin

DROP = ContextPolicy("drop_oldest")
SUM = ContextPolicy("summarize")
BIG, SMALL = "fake/big", "fake/small"


class Counting(ScriptedProvider):
    """Every word is a token."""

    async def count(self, request):
        self.counted = getattr(self, "counted", 0) + 1
        return sum(len(message.content.split()) for message in request.messages)


class Guessed(ScriptedProvider):
    """Nobody can count."""

    count = Provider.count


@pytest.fixture
def make(tmp_path):
    def make(kind=Counting, **options):
        models = [ModelInfo("big", "fake", context_length=1000), ModelInfo("small", "fake", window=300)]
        provider = kind(name="fake", models=[*models, "endless"], **options)
        plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
        return provider, Hub(plugins, load(environ={}, cwd=str(tmp_path)))

    return make


def turn(number, words=100):
    return (Message("user", f"question {number}"), Message("assistant", f"answer{number} " * (words - 2)))


def prompt(*turns, system="be brief", now="and now?"):
    return (Message("system", system), *(message for one in turns for message in one), Message("user", now))


def overflow(run, *given):
    with pytest.raises(ContextOverflow) as caught:
        run(fit(*given))
    return caught.value


# ── the field ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_policies_are_read():
    assert read_policy(None) == read_policy("error") == ContextPolicy("error")
    assert read_policy({"policy": "summarize", "model": "local/x", "keep": 3.0}) == ContextPolicy(
        "summarize", "local/x", 3
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (7, "not 7"),
        ("drop_oldst", "did you mean 'drop_oldest'"),
        ({}, "no policy"),
        ({"policy": "summarize", "modl": "x"}, "did you mean 'model'"),
        ({"policy": "error", "keep": 1}, "belongs to the policy 'summarize'"),
        ({"policy": "summarize", "keep": -1}, "0 or more"),
        ({"policy": "summarize", "keep": True}, "0 or more"),
        ({"policy": "summarize", "keep": float("inf")}, "0 or more"),
        ({"policy": "summarize", "keep": 1.5}, "0 or more"),
        ({"policy": "summarize", "model": 3}, "model name"),
    ],
)
def test_what_is_no_policy_is_named(given, says):
    with pytest.raises(InvalidRequest) as caught:
        read_policy(given)
    assert says in f"{caught.value.message} {caught.value.hint}"


# ── nothing to do ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("policy", [ContextPolicy(), DROP, SUM])
def test_what_fits_goes_as_it_is(make, run, policy):
    provider, hub = make()
    messages = prompt(*map(turn, range(4)))
    fitted = run(fit(hub, Ask(BIG), messages, policy))
    assert (fitted.messages, fitted.notices, fitted.replacement) == (messages, (), None)
    assert provider.counted == 1


def test_a_short_prompt_is_not_even_counted(make, run):
    provider, hub = make()
    run(fit(hub, Ask(BIG), prompt(), DROP))
    assert not hasattr(provider, "counted")


def test_an_unknown_context_decides_nothing(make, run):
    _, hub = make()
    messages = prompt(*map(turn, range(100)))
    assert run(fit(hub, Ask("fake/endless"), messages, DROP)).messages == messages
    assert run(fit(hub, Ask("fake/missing"), messages, DROP)).messages == messages


# ── error ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_error_names_numbers_and_policies(make, run):
    provider, hub = make()
    error = overflow(run, hub, Ask(BIG), prompt(*map(turn, range(12))), ContextPolicy())
    assert (error.limit, error.used) == (1000, 1204)
    assert error.message == "the prompt has 1,204 tokens and the model's context holds 1,000"
    assert all(name in error.hint for name in ("error", "drop_oldest", "summarize"))
    assert provider.requests == []


def test_error_leaves_room_for_a_short_answer_only(make, run):
    _, hub = make()
    messages = prompt((Message("user", "a"), Message("assistant", "b " * 975)))  # 980 tokens
    run(fit(hub, Ask(BIG), messages, ContextPolicy()))
    run(fit(hub, Ask(BIG, options={"max_tokens": 4000}), messages, ContextPolicy()))
    error = overflow(
        run, hub, Ask(BIG), prompt((Message("user", "a"), Message("assistant", "b " * 985))), ContextPolicy()
    )
    assert "of which 16 are for the answer" in error.message


# ── drop_oldest ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_turns_go(make, run):
    provider, hub = make()
    turns = [*map(turn, range(12))]
    fitted = run(fit(hub, Ask(BIG), prompt(*turns), DROP))
    assert fitted.messages == prompt(*turns[7:])  # 1,000 less a quarter for the answer, and that three quarters full
    assert fitted.notices == ("dropped the 7 oldest turns (700 tokens): the context of 1,000 tokens was full",)
    assert fitted.replacement == fitted.messages[1:-1]
    again = run(fit(hub, Ask(BIG), fitted.messages, DROP))
    assert again.replacement is None
    assert provider.requests == []


def test_room_is_left_for_max_tokens(make, run):
    _, hub = make()
    turns = [*map(turn, range(8))]
    roomy = run(fit(hub, Ask(BIG, options={"max_tokens": 100}), prompt(*turns), DROP))
    tight = run(fit(hub, Ask(BIG, options={"max_tokens": 450}), prompt(*turns), DROP))
    assert roomy.replacement is None
    assert tight.messages == prompt(*turns[4:])


def test_a_tool_exchange_is_never_torn(make, run):
    _, hub = make()
    exchange = (
        Message("user", "what is it? " * 30),
        Message("assistant", "", (ToolCall("1", "look", {}), ToolCall("2", "look", {}))),
        Message("tool", "red " * 300, tool_call_id="1"),
        Message("tool", "blue " * 200, tool_call_id="2"),
        Message("assistant", "red and blue"),
    )
    last = turn(2)
    fitted = run(fit(hub, Ask(BIG), prompt(turn(1), exchange, last), DROP))
    assert fitted.messages == prompt(last)


def test_the_running_turn_stays_whole(make, run):
    _, hub = make()
    running = (
        Message("user", "look it up"),
        Message("assistant", "", (ToolCall("1", "look", {}),)),
        Message("tool", "red " * 300, tool_call_id="1"),
        Message("user", "that was no JSON, try again"),
    )
    messages = (*prompt(*map(turn, range(9)))[:-1], *running)
    fitted = run(fit(hub, Ask(BIG), messages, DROP, current=4))
    assert fitted.messages[-4:] == running
    assert fitted.replacement == fitted.messages[1:-4]
    assert fitted.replacement[0].role == "user"


def test_one_turn_that_is_too_long_is_an_error(make, run):
    _, hub = make()
    for policy in (DROP, SUM):
        error = overflow(run, hub, Ask(BIG), prompt(now="word " * 1200), policy)
        assert "nothing can be left out" in error.message
    error = overflow(run, hub, Ask(BIG), prompt(turn(1), now="word " * 1200), DROP)
    assert error.used == 1202


def test_skills_that_were_read_stay(make, run):
    assert SKILL_TOOL == ACTIVATE
    _, hub = make()
    skill = (
        Message("user", "commit"),
        Message(
            "assistant",
            "",
            (ToolCall("a", "activate_skill", {"name": "commit"}), ToolCall("b", "diff", {})),
        ),
        Message("tool", "how to commit " * 20, tool_call_id="a"),
        Message("tool", "+ line " * 300, tool_call_id="b"),
        Message("assistant", "done"),
    )
    kept = essence(skill)
    assert [message.role for message in kept] == ["user", "assistant", "tool", "assistant"]
    assert [call.id for call in kept[1].tool_calls] == ["a"]
    turns = [*map(turn, range(4))]
    fitted = run(fit(hub, Ask(BIG), prompt(skill, *turns), DROP))
    assert fitted.messages[1:5] == kept
    assert essence(kept) == kept


# ── estimates ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_counting_it_is_an_estimate_that_says_so(make, run):
    _, hub = make(Guessed)
    fitted = run(fit(hub, Ask(BIG), prompt(*map(turn, range(20))), DROP))
    assert fitted.replacement
    assert "about" in fitted.notices[0]


def test_the_estimate_learns_from_usage(make, run):
    provider, hub = make(Guessed)
    messages = prompt(turn(1))
    guess = hub.estimates.tokens(BIG, messages)

    async def chat():
        return [event async for event in hub.chat(BIG, messages)]

    provider.enqueue("yes", usage=Usage(4 * guess, 1))
    run(chat())
    assert hub.estimates.tokens(BIG, messages) == pytest.approx(4 * guess, abs=2)
    assert hub.estimates.tokens(SMALL, messages) == guess


def test_pictures_count(make, run):
    _, hub = make(Guessed)
    pictures = Message("user", "what is it?", images=(Image(b"\x89PNG", "image/png"),) * 2)
    error = overflow(run, hub, Ask(BIG), (pictures,), ContextPolicy())
    assert error.used > 2000


def test_an_estimate_that_may_be_wrong_refuses_nothing(make, run):
    _, hub = make(Guessed)
    messages = prompt(now="word " * 740)
    assert 1000 < hub.estimates.tokens(BIG, messages) < 1200
    assert run(fit(hub, Ask(BIG), messages, ContextPolicy())).messages == messages
    assert run(fit(hub, Ask(BIG, options={"max_tokens": 20}), messages, DROP)).messages == messages
    assert "about" in overflow(run, hub, Ask(BIG), prompt(now="word " * 1000), ContextPolicy()).message


def test_a_model_without_tools_is_counted_without(make, run):
    class Plain(Counting):
        async def count(self, request):
            if request.tools:
                raise UnsupportedOption("tools", "fake")
            return await super().count(request)

    provider, hub = make(Plain)
    tool = Tool("look", "look at it", {"type": "object"}, lambda arguments, context: None)
    fitted = run(fit(hub, Ask(BIG, (tool,)), prompt(*map(turn, range(12))), DROP))
    assert fitted.notices == ("dropped the 7 oldest turns (700 tokens): the context of 1,000 tokens was full",)
    assert provider.counted == 2


# ── summarize ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_older_turns_become_a_summary(make, run):
    provider, hub = make(answer=lambda request: ["They ", "counted."])
    turns = [*map(turn, range(12))]
    fitted = run(fit(hub, Ask(BIG), prompt(*turns), SUM))
    note, reply = fitted.messages[1:3]
    assert note == Message("user", f"{SUMMARY}\nThey counted.")
    assert reply.role == "assistant"
    assert fitted.messages[3:] == prompt(*turns[10:])[1:]
    assert fitted.notices[0].startswith("summarized the 10 oldest turns")
    assert fitted.replacement == fitted.messages[1:-1]
    assert fitted.usage.output_tokens == 2 * len(provider.requests)
    text = " ".join(request.messages[0].content for request in provider.requests)
    assert all(f"question {number}" in text for number in range(10))
    assert "question 11" not in text
    asked = len(provider.requests)
    run(fit(hub, Ask(BIG), fitted.messages, SUM))
    assert len(provider.requests) == asked  # it isn't made again


@pytest.mark.parametrize("option", ["temperature", "max_tokens"])
def test_a_model_that_takes_no_temperature_sums_up_too(make, run, option):
    refused = UnsupportedOption(option, "fake")
    _, hub = make(answer=lambda request: [refused] if option in request.options else ["They spoke."])
    work = fit(hub, Ask(SMALL), prompt(*map(turn, range(4))), SUM)
    if option == "temperature":
        assert run(work).replacement[0].content.endswith("They spoke.")
    else:
        with pytest.raises(UnsupportedOption, match=option):
            run(work)


def test_pieces_fit_the_model_that_sums_up(make, run):
    provider, hub = make(answer=lambda request: ["short"])
    policy = ContextPolicy("summarize", model=SMALL, keep=1)
    run(fit(hub, Ask(BIG), prompt(*map(turn, range(12))), policy))
    assert len(provider.requests) > 3
    assert {request.model.id for request in provider.requests} == {"small"}
    assert all(len(request.messages[0].content.split()) <= 300 for request in provider.requests)
    assert all("short" in request.messages[0].content for request in provider.requests[1:])


def test_a_piece_that_is_too_long_is_halved(make, run):
    def answer(request):
        if len(request.messages[0].content) > 1200:
            raise ContextOverflow(300, 400)
        return ["short"]

    provider, hub = make(answer=answer)
    fitted = run(fit(hub, Ask(BIG), prompt(*map(turn, range(12))), SUM))
    assert fitted.messages[1].content.endswith("short")
    assert len(provider.requests) > 1


def test_a_summary_is_summed_up_with_what_followed(make, run):
    provider, hub = make(answer=lambda request: ["newer"])
    old = (Message("user", f"{SUMMARY}\nolder"), Message("assistant", "I will go on from there."))
    fitted = run(fit(hub, Ask(BIG), prompt(old, *map(turn, range(12))), SUM))
    assert "older" in provider.requests[0].messages[0].content
    assert sum(SUMMARY in message.content for message in fitted.messages) == 1


def test_turns_to_keep_that_are_too_long_are_summed_up_too(make, run):
    _, hub = make(answer=lambda request: ["short"])
    fitted = run(fit(hub, Ask(BIG), prompt(turn(1, 400), turn(2, 400)), ContextPolicy("summarize", keep=5)))
    assert fitted.messages[-3:] == prompt(turn(2, 400))[1:]
    assert "short" in fitted.messages[1].content


def test_a_model_that_writes_no_summary(make, run):
    _, hub = make(answer=lambda request: [" "])
    turns = [*map(turn, range(12))]
    fitted = run(fit(hub, Ask(BIG), prompt(*turns), SUM))
    assert fitted.messages == prompt(*turns[10:])
    assert "made no summary" in fitted.notices[0]


def test_skills_are_kept_and_not_summed_up(make, run):
    provider, hub = make(answer=lambda request: ["short"])
    skill = (
        Message("user", "commit"),
        Message("assistant", "", (ToolCall("a", "activate_skill", {"name": "commit"}),)),
        Message("tool", "secrets of committing", tool_call_id="a"),
        Message("assistant", "done"),
    )
    fitted = run(fit(hub, Ask(BIG), prompt(skill, *map(turn, range(12))), SUM))
    assert skill[2] in fitted.messages
    assert not any("secrets" in request.messages[0].content for request in provider.requests)


# ── the real thing ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_window_is_what_the_engine_gets(llmspell_home, tmp_path, run):
    (tmp_path / "llmspell.toml").write_text("[providers.gguf]\nthreads = 1\ncontext_length = 256\n")
    plugins = PluginHost({}, warn=pytest.fail)
    hub = Hub(plugins, load(environ={}, cwd=str(tmp_path)))

    async def work():
        try:
            window = await hub.window("local/smollm2:135m")
            turns = [turn(number, 40) for number in range(8)]
            fitted = await fit(hub, Ask("local/smollm2:135m"), prompt(*turns), DROP)
            options = {"max_tokens": 8, "temperature": 0}
            events = [event async for event in hub.chat("local/smollm2:135m", fitted.messages, options=options)]
            return window, fitted, events[-1]
        finally:
            await hub.aclose()

    window, fitted, finish = run(work())
    assert window == 256
    assert fitted.replacement
    assert finish.usage.input_tokens <= 256 - 64
