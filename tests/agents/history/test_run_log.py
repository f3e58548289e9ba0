"""Every request of a hub is written down, with what became of it, and without secrets."""

import asyncio
import json
import sqlite3

import pytest

from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.reading import Filter
from llmspell.errors import InvalidRequest, ModelNotFound, ProviderCrashed, ProviderError, UnsupportedOption
from llmspell.providers.contract import (
    Image,
    Message,
    Provider,
    ReasoningDelta,
    ScoreResult,
    ToolCall,
    ToolSpec,
    Usage,
)
from llmspell.providers.observing import Origin
from llmspell.providers.watching import close
from llmspell.secrets import remember_named
from llmspell.testing import ScriptedProvider

HELLO = (Message("user", "hello"),)
KEY = "sk-live-4f9a8b7c6d5e4f3a2b1c"


@pytest.fixture
def chat(hub):
    """``await chat(…)``: the events of a chat with the scripted model."""

    async def chat(messages=HELLO, *args, on=None, **options):
        return [event async for event in (on or hub).chat("fake/model", messages, *args, **options)]

    return chat


def logged(log):
    """All requests, the oldest first, each as a whole."""
    return [log.show(one.id) for one in reversed(log.latest(Filter(), 1000))]


def raw(path):
    """Every byte that is in the file, or beside it."""
    return b"".join(one.read_bytes() for one in path.parent.iterdir())


def test_a_request_with_all_that_belongs_to_it(hub, provider, chat, log, run):
    provider.enqueue(
        ReasoningDelta("hm"), "good ", "day", ToolCall("a", "look", '{"at": "sea"}'), usage=Usage(12, 3, 4)
    )
    tool = ToolSpec("look", "look at it", {"type": "object"})
    messages = (Message("system", "be brief"), *HELLO)

    async def work():
        on = hub.on_behalf_of(Origin("keeper", 2))
        await chat(messages, (tool,), {"type": "object"}, {"temperature": 0}, on=on)
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert found["messages"] == [{"role": one.role, "content": one.content} for one in messages]
    assert found["tools"] == [{"name": "look", "description": "look at it", "parameters": {"type": "object"}}]
    assert found["format"] == {"type": "object"}
    assert found["options"] == {"temperature": 0}
    assert (found["answer"], found["reasoning"]) == ("good day", "hm")
    assert found["tool_calls"] == [{"id": "a", "name": "look", "arguments": {"at": "sea"}}]
    assert (found["input_tokens"], found["output_tokens"], found["cached_tokens"]) == (12, 3, 4)
    assert (found["agent"], found["turn"], found["program"], found["verb"]) == ("keeper", 2, "poem.lua", "chat")
    assert (found["spec"], found["provider"], found["model"]) == ("fake/model", "fake", "model")
    assert (found["finish_reason"], found["error_type"]) == ("tool_calls", None)
    assert 0 < found["first_token_ms"] <= found["total_ms"]
    assert found["started_at"] <= found["ended_at"]


def test_errors_are_written_down_with_what_came_before(hub, provider, chat, log, run):
    provider.enqueue("good ", ProviderCrashed("it died", provider="fake"))

    async def work():
        with pytest.raises(ProviderCrashed):
            await chat()
        with pytest.raises(ModelNotFound):
            _ = [event async for event in hub.chat("fake/nothing", HELLO)]
        with pytest.raises(InvalidRequest):
            await chat(options={"temperature": -1})
        await hub.aclose()

    run(work())
    died, missing = logged(log)  # what was wrong before it was sent is no request
    assert (died["answer"], died["error_type"], died["error"]) == ("good ", "provider_crashed", "it died")
    assert (missing["error_type"], missing["model"]) == ("model_not_found", "nothing")


def test_one_that_nobody_waits_for_is_cancelled(hub, provider, log, run):
    never = asyncio.Event()
    provider.enqueue("good ", never)

    async def work():
        events = hub.chat("fake/model", HELLO)
        await anext(events)
        await close(events)
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert (found["error_type"], found["answer"]) == ("cancelled", "good ")


def test_one_that_runs_is_there_unfinished(hub, provider, log, run):
    async def work():
        events = hub.chat("fake/model", HELLO)
        provider.enqueue("good ", "day")
        await anext(events)
        await hub.observer.aclose()
        (running,) = log.latest(Filter(), 10)
        _ = [event async for event in events]
        await hub.aclose()
        return running, log.latest(Filter(), 10)

    running, (ended,) = run(work())
    assert (running.error_type, running.prompt, running.output_tokens) == ("unfinished", "hello", None)
    assert (ended.id, ended.error_type, ended.output_tokens) == (running.id, None, 2)


class Able(ScriptedProvider):
    async def score(self, request):
        return ScoreResult((-1.5,) * len(request.prefixes), request.model.id, Usage(9))

    async def complete(self, request):
        async for event in self._play(self._next(request), request):
            yield event


def test_other_verbs_are_logged_too(hub, log, run, monkeypatch, provider):
    monkeypatch.setattr(type(provider), "score", Able.score, raising=False)

    async def work():
        await hub.embed("fake/model", ["a house", "a tower"])
        await hub.embed("fake/model", [f"text {number}" for number in range(30)])
        await hub.score("fake/model", ["Tool a: ", "Tool b: "], "is it cold?")
        await hub.aclose()

    run(work())
    embedded, many, scored = logged(log)
    assert (embedded["verb"], embedded["answer"]) == ("embed", "2 vectors")
    assert embedded["messages"] == [{"text": "a house"}, {"text": "a tower"}]
    assert len(many["messages"]) == 21
    assert many["messages"][-1] == {"text": "… and 10 more"}
    assert (scored["verb"], scored["answer"]) == ("score", "-1.500 -1.500")
    assert scored["messages"][-1] == {"text": "is it cold?"}
    assert scored["input_tokens"] == 9


def test_a_verb_that_fails(hub, log, run, provider, monkeypatch):
    monkeypatch.setattr(type(provider), "score", Provider.score, raising=False)

    async def work():
        with pytest.raises(ProviderError):
            await hub.score("fake/model", ["a"], "b")
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert found["error_type"] == "provider_error"


def test_an_agent_may_want_no_log(hub, provider, chat, path, run):
    provider.enqueue("good day")

    async def work():
        await chat(on=hub.on_behalf_of(Origin("keeper", 1, logged=False)))
        await hub.aclose()

    run(work())
    assert not path.exists()


# ── secrets and pictures ──────────────────────────────────────────────────────────────────────────────────────────


def test_no_key_gets_into_the_file(make_hub, provider, chat, path, log, run):
    remember_named({"SHOP_TOKEN": "plain-looking-token", "SHOP_PASSWORD": 'with "quotes"'})
    remember_named({"shop": {"headers": {"x-api-key": "configured-value"}, "host": "http://box"}})
    hub = make_hub()
    provider.enqueue(
        f"your key is {KEY}", ToolCall("a", "fetch", json.dumps({"url": "x", "api_key": "hidden-by-name"}))
    )
    provider.enqueue(ProviderError(f"401 for Bearer {KEY} at https://me:password1@box/", provider="fake"))
    call = ToolCall("b", "fetch", {"headers": {"Authorization": "Basic hidden-too"}, "token": "hidden-again"})
    messages = (
        Message("system", 'use configured-value with "quotes"'),
        Message("user", f"I have plain-looking-token and {KEY}, https://me:password1@box/"),
        Message("assistant", "", (call,), provider_data={"fake": {"signature": "never-written"}}),
        Message("tool", "ok", tool_call_id="b"),
    )

    async def work():
        tool = ToolSpec("fetch", f"with {KEY}", {"type": "object", "properties": {"token": {"default": KEY}}})
        await chat(messages, (tool,), on=hub)
        with pytest.raises(ProviderError):
            await chat(options={"stop": KEY}, on=hub)
        await hub.aclose()

    run(work())
    bytes_ = raw(path)
    for secret in (
        KEY,
        "plain-looking-token",
        "configured-value",
        "quotes",
        "hidden-by-name",
        "hidden-too",
        "hidden-again",
        "password1",
        "never-written",
    ):
        assert secret.encode() not in bytes_, secret
    first, second = logged(log)
    assert first["answer"] == "your key is ***"
    assert first["tool_calls"][0]["arguments"] == {"url": "x", "api_key": "***"}
    assert second["options"] == {"stop": ["***"]}
    assert second["error"] == "401 for Bearer *** at https://***@box/"


def test_secrets_of_options_go_by_their_names(hub, path, log, run):
    async def work():
        options = {"api_key": "value-of-no-shape", "headers": {"x-api-key": "another-of-none"}}
        with pytest.raises(UnsupportedOption):
            _ = [event async for event in hub.chat("fake/model", HELLO, options=options)]
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert found["options"] == {"api_key": "***", "headers": {"x-api-key": "***"}}
    assert b"value-of-no-shape" not in raw(path)


def test_words_that_only_begin_like_a_key_stay(hub, provider, chat, log, run):
    text = "the task-force of sk-learn-estimators, hf_hub and a desk-lamp-without-numbers"
    provider.enqueue(text)

    async def work():
        await chat()
        await hub.aclose()

    run(work())
    assert logged(log)[0]["answer"] == text


def test_a_picture_is_its_size_and_its_sum(hub, provider, log, path, run):
    type(provider).sees_images = True
    provider.enqueue("a tower")
    data = b"\x89PNG" + b"picture" * 1000

    async def work():
        _ = [
            event async for event in hub.chat("fake/model", (Message("user", "?", images=(Image(data, "image/png"),)),))
        ]
        await hub.aclose()

    try:
        run(work())
    finally:
        type(provider).sees_images = False
    (picture,) = logged(log)[0]["messages"][0]["images"]
    assert (picture["media_type"], picture["bytes"], len(picture["blake2b"])) == ("image/png", len(data), 32)
    assert b"picturepicture" not in raw(path)


def test_any_bytes_of_a_script(hub, provider, chat, log, run):
    provider.enqueue("ok \udcff\x00")

    async def work():
        await chat((Message("user", "bytes \udc80\x00"),))
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert found["messages"][0]["content"].startswith("bytes ?")
    assert found["answer"].startswith("ok ?")


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_said_again_is_stored_once(hub, provider, chat, path, run):
    history = []
    long = "a long question " * 200

    async def work():
        for number in range(10):
            history.append(Message("user", f"{number} {long}"))
            provider.enqueue("yes")
            await chat(tuple(history))
            history.append(Message("assistant", "yes"))
        await hub.aclose()

    run(work())
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM bodies").fetchone() == (11,)
    connection.close()


def test_requests_of_two_runs_go_into_one_file(make_hub, provider, chat, log, run):
    first, second = make_hub(), make_hub()

    async def work():
        for on in (first, second, first, second):
            provider.enqueue("yes")
            await chat(on=on)
            await on.aclose()

    run(work())
    assert [one.run for one in log.latest(Filter(), 10)] == [second.observer.id, first.observer.id] * 2
    assert len(log.latest(Filter(run=first.observer.id[:8]), 10)) == 2


def test_a_damaged_file_is_moved_aside_and_the_log_goes_on(hub, provider, chat, path, log, run, warnings):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all " * 50)

    async def work():
        provider.enqueue("yes")
        await chat()
        await hub.aclose()

    run(work())
    assert len(logged(log)) == 1
    assert len(warnings) == 1
    assert "damaged" in warnings[0]


def test_an_index_that_is_damaged_while_the_run_goes_on(hub, provider, chat, path, database, log, run, warnings):
    Conversations(database).save("talk", "fake/model", {}, HELLO)

    async def work():
        for _ in range(3):
            provider.enqueue("yes")
            await chat()
        await hub.observer.aclose()
        database.run(lambda connection: connection.execute("UPDATE words_data SET block = x'00' WHERE id > 1"))
        for _ in range(2):
            provider.enqueue("no")
            await chat()
        await hub.aclose()

    run(work())
    assert [one["answer"] for one in logged(log)] == ["no", "no"]
    assert "1 saved conversation could be read" in warnings[0]
    assert len(warnings) == 1


def test_a_file_that_goes_away_during_the_run(hub, provider, chat, path, log, run):
    async def work():
        for _ in range(2):
            provider.enqueue("yes")
            await chat()
        await hub.observer.aclose()
        events = hub.chat("fake/model", HELLO)
        provider.enqueue("one ", "two")
        await anext(events)
        await hub.observer.aclose()
        for one in path.parent.iterdir():
            one.unlink()
        _ = [event async for event in events]
        await hub.aclose()

    run(work())
    (found,) = logged(log)
    assert found["answer"] == "one two"


def test_a_log_that_cannot_be_written_is_said_once_and_fails_nothing(make_hub, provider, chat, run, warnings, path):
    path.parent.parent.write_text("a file where the folder should be")
    hub = make_hub()

    async def work():
        for _ in range(3):
            provider.enqueue("yes")
            assert len(await chat(on=hub)) == 2
            await hub.observer.aclose()
        await hub.aclose()

    run(work())
    assert len(warnings) == 1
    assert "no longer logged" in warnings[0] and "history.db" in warnings[0]


def test_writing_holds_no_request_up(hub, provider, chat, database, run, log):
    """While somebody else has the file, requests come and go."""

    async def work():
        other = database.open()
        other.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            provider.enqueue("yes")
            await chat()
        other.execute("COMMIT")
        other.close()
        await hub.aclose()

    run(work())
    assert len(logged(log)) == 20


def test_saved_conversations_are_in_the_same_file(hub, provider, chat, database, log, run):
    Conversations(database).save("talk", "fake/model", {}, HELLO)

    async def work():
        provider.enqueue("yes")
        await chat()
        await hub.aclose()

    run(work())
    assert len(logged(log)) == len(Conversations(database).all()) == 1
