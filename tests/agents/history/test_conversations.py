"""Saved conversations, alone and through agents."""

import asyncio

import pytest

from llmspell.agents.config import Defaults
from llmspell.agents.history import saving
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.database import Database
from llmspell.agents.registry import Registry
from llmspell.agents.tools.toolbox import Toolbox
from llmspell.errors import InvalidRequest, StorageError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Image, Message, ToolCall

EVERYTHING = (
    Message("user", "what is it? \udc80 \x00 ü 🏮", images=(Image(b"\x89PNG\x00\xff", "image/png"),)),
    Message(
        "assistant",
        "",
        (ToolCall("a", "look", {"deep": [1, 2.5, None, True]}), ToolCall(None, "look", '{"half":')),
        provider_data={"fake": {"signature": "s", "n": [1]}},
    ),
    Message("tool", "red", tool_call_id="a"),
    Message("assistant", "red"),
)


@pytest.fixture
def conversations(database):
    return Conversations(database)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@pytest.fixture
def look():
    return Tool("look", "look at it", {"type": "object", "properties": {}}, lambda arguments, context: "red")


@pytest.fixture
def registry(hub, look, home):
    toolbox = Toolbox(lambda: {"look": look})
    return Registry(hub, Defaults("fake/model"), lambda: toolbox)


def test_messages_come_back_as_they_were(conversations):
    conversations.save("all", "fake/model", {"model": "fake/model", "options": {"seed": 1}}, EVERYTHING)
    assert conversations.load("all") == ({"model": "fake/model", "options": {"seed": 1}}, EVERYTHING)


def test_a_name_is_taken_over_and_given_back(conversations):
    conversations.save("one", "fake/model", {}, EVERYTHING)
    conversations.save(" one ", "fake/other", {}, EVERYTHING[:1])
    (saved,) = conversations.all()
    assert (saved.name, saved.model, saved.turns) == ("one", "fake/other", 1)
    assert conversations.delete("one") is True
    assert conversations.delete("one") is False
    assert conversations.all() == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, 7, None, "tab\t"])
def test_what_is_no_name(conversations, name):
    with pytest.raises(InvalidRequest, match="saved conversation"):
        conversations.save(name, "fake/model", {}, ())


def test_a_name_that_nothing_has(conversations):
    with pytest.raises(InvalidRequest) as caught:
        conversations.load("trp")
    assert "agent:save" in caught.value.hint
    conversations.save("trip", "fake/model", {}, ())
    with pytest.raises(InvalidRequest) as caught:
        conversations.load("trp")
    assert caught.value.hint == "did you mean 'trip'?"


def test_what_is_no_json_is_refused_and_nothing_replaced(conversations):
    conversations.save("one", "fake/model", {}, EVERYTHING)
    with pytest.raises(StorageError, match="can't be saved"):
        conversations.save("one", "fake/model", {}, (Message("user", "x", provider_data={"fake": b"bytes"}),))
    assert conversations.load("one")[1] == EVERYTHING


def test_what_somebody_else_wrote_is_named(conversations, database):
    conversations.save("one", "fake/model", {}, EVERYTHING)
    database.run(lambda connection: connection.execute("UPDATE conversations SET messages = '[{\"role\": 1}]'"))
    with pytest.raises(StorageError, match="'one' can't be read"):
        conversations.load("one")


# ── agents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agent_goes_on_where_it_was(registry, provider, run):
    provider.enqueue("a tower").enqueue("a lamp")
    given = {
        "name": "keeper",
        "system_prompt": "be brief",
        "temperature": 0.5,
        "stop": ["END"],
        "timeout": 30,
        "max_conversation_length": 10,
        "context": {"policy": "summarize", "keep": 3},
        "logs": False,
        "tools": ["look"],
        "max_rounds": 3,
    }

    async def work():
        first = registry.create(given)
        await first.execute("what has it?")
        await saving.save(first, "lighthouse")
        second = await saving.load(registry, "lighthouse")
        assert second.config == first.config
        assert second.messages() == first.messages()
        await second.execute("and?")
        return first, second

    first, second = run(work())
    assert len(second.conversation.messages) == 4
    assert len(first.conversation.messages) == 2
    assert [message.content for message in provider.requests[-1].messages][-3:] == ["what has it?", "a tower", "and?"]


def test_fields_of_the_load_go_before_saved_ones(registry, run):
    async def work():
        await saving.save(registry.create({"temperature": 0.1, "system_prompt": "old"}), "x")
        return await saving.load(registry, "x", {"model": "fake/other", "system_prompt": "new"})

    agent = run(work())
    assert (agent.config.model, agent.config.system_prompt) == ("fake/other", "new")
    assert agent.config.options == {"temperature": 0.1}


def test_a_tool_of_the_script_has_to_be_passed(registry, look, run):
    own = Tool("own_tool", "of the script", {"type": "object", "properties": {}}, lambda arguments, context: 1)

    async def work():
        await saving.save(registry.create({"tools": ["look", own]}), "x")
        with pytest.raises(InvalidRequest) as caught:
            await saving.load(registry, "x")
        assert "own_tool" in caught.value.message
        assert 'Agent.load("x", { tools = { "look", own_tool } })' in caught.value.hint
        return await saving.load(registry, "x", {"tools": ["look", own]})

    assert run(work()).config.tools == ("look", "own_tool")


def test_a_gate_has_to_be_passed_again(registry, run):
    async def work():
        agent = registry.create({"tools": ["look"], "approve": lambda call: True})
        await saving.save(agent, "x", approved=True)
        with pytest.raises(InvalidRequest, match="approved"):
            await saving.load(registry, "x")
        await saving.load(registry, "x", {"approve": False})
        return await saving.load(registry, "x", {"approve": lambda call: False})

    assert run(work()).config.tools == ("look",)


def test_saved_and_forgotten(registry, run):
    async def work():
        for name in ("a", "b"):
            await saving.save(registry.create({}), name)
        before = {one.name for one in await saving.saved()}
        return before, await saving.forget("a"), await saving.forget("a"), await saving.saved()

    before, first, second, (left,) = run(work())
    assert (before, first, second, left.name) == ({"a", "b"}, True, False, "b")


def test_saving_holds_nobody_up(registry, run, home):
    """While one process has the file, an agent that saves waits, and the others go on."""
    other = Database().open()
    other.execute("BEGIN IMMEDIATE")
    went_on = 0

    async def work():
        nonlocal went_on
        saving_ = asyncio.create_task(saving.save(registry.create({}), "x"))
        for _ in range(100):
            await asyncio.sleep(0)
            went_on += 1
        assert not saving_.done()
        other.execute("COMMIT")
        await saving_

    run(work())
    other.close()
    assert went_on == 100
