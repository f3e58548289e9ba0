"""Lists, search, figures, and what is thrown away when there is too much."""

import sqlite3
import time

import pytest

from llmspell.agents.history import pruning, schema
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.reading import Filter
from llmspell.errors import InvalidRequest, ProviderCrashed
from llmspell.providers.contract import Message, Usage
from llmspell.providers.observing import Origin


@pytest.fixture
def ask(make_hub, provider, run):
    """``ask((prompt, answer), …)``: one run with these requests."""

    def ask(*exchanges, agent="keeper", model="fake/model", **options):
        hub = make_hub(**options)

        async def work():
            on = hub.on_behalf_of(Origin(agent, 1))
            for prompt, answer in exchanges:
                provider.enqueue(answer, usage=Usage(10, 5))
                try:
                    _ = [event async for event in on.chat(model, (Message("user", prompt),))]
                except ProviderCrashed:
                    pass
            await hub.aclose()

        run(work())
        return hub.observer.id

    return ask


@pytest.fixture(params=[True, False], ids=["fts5", "like"])
def indexed(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(schema, "has_fts5", lambda connection: False)
    return request.param


DEAD = ProviderCrashed("it died", provider="fake", retryable=False)


def prompts(found):
    return [one.prompt for one in found]


def test_filters(ask, log):
    first = ask(("one", "1"), ("two", DEAD))
    second = ask(("three", "3"), agent="100%_poet", model="fake/other")
    assert prompts(log.latest(Filter(), 10)) == ["three", "two", "one"]
    assert prompts(log.latest(Filter(), 1)) == ["three"]
    assert prompts(log.latest(Filter(model="OTHER"), 10)) == ["three"]
    assert prompts(log.latest(Filter(agent="%_"), 10)) == ["three"]
    assert prompts(log.latest(Filter(errors=True), 10)) == ["two"]
    assert prompts(log.latest(Filter(run=first[:6]), 10)) == ["two", "one"]
    assert prompts(log.latest(Filter(run=second, since=time.time() - 60), 10)) == ["three"]
    assert log.latest(Filter(since=time.time() + 60), 10) == []


def test_search(indexed, ask, log):
    ask(
        ("Where is the lighthouse?", "On the rock."),
        ("Who keeps it?", 'A "keeper" keeps the light.'),
        ("100% of what?", "nothing"),
    )
    assert prompts(log.search(["rock"], Filter(), 10)) == ["Where is the lighthouse?"]
    assert prompts(log.search(["LIGHT"], Filter(), 10)) == ["Who keeps it?", "Where is the lighthouse?"]
    assert prompts(log.search(["light", "keeps"], Filter(), 10)) == ["Who keeps it?"]
    assert prompts(log.search(['"keeper"'], Filter(), 10)) == ["Who keeps it?"]
    assert prompts(log.search(["light"], Filter(model="other"), 10)) == []
    assert log.search(["NOT", "OR"], Filter(), 10) == []
    assert (len(log.search(["100%"], Filter(), 10)), len(log.search(["sea*"], Filter(), 10))) == (1, 0)


def test_the_index_forgets_what_is_deleted(ask, log, database):
    ask(("Where is the lighthouse?", "On the rock."))
    database.run(lambda connection: connection.execute("DELETE FROM requests"))
    assert log.search(["rock"], Filter(), 10) == []
    database.run(lambda connection: connection.execute("INSERT INTO words(words) VALUES ('integrity-check')"))


def test_figures(ask, log):
    ask(("a", "1"), ("b", "2"), ("c", DEAD))
    ask(("d", "3"), model="fake/other")
    first, second = log.figures(Filter())
    assert (first.model, first.requests, first.errors) == ("fake/model", 3, 1)
    assert (first.input_tokens, first.output_tokens) == (20, 10)
    assert first.median_ms > 0 and first.tokens_per_second > 0
    assert (second.model, second.requests, second.errors) == ("fake/other", 1, 0)
    assert log.figures(Filter(model="nothing")) == []


def test_an_empty_log(log):
    assert log.latest(Filter(), 10) == []
    assert log.newest() is None
    with pytest.raises(InvalidRequest, match="no request 7"):
        log.show(7)


# ── what is thrown away ───────────────────────────────────────────────────────────────────────────────────────────


def counts(path):
    connection = sqlite3.connect(path)
    found = [
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("requests", "runs", "bodies")
    ]
    connection.close()
    return found


def test_old_requests_go(ask, log, path, database):
    ask(("old", "1"), ("shared", "2"))
    month = 30 * 86400
    database.run(lambda connection: connection.execute(f"UPDATE requests SET started_at = started_at - {month}"))
    ask(("shared", "3"), ("new", "4"))
    assert counts(path) == [4, 2, 3]
    ask(("newest", "5"), keep_days=20)
    assert prompts(log.latest(Filter(), 10)) == ["newest", "new", "shared"]
    assert counts(path) == [3, 2, 3]


def test_the_oldest_go_when_the_file_is_too_large(ask, log, path, database):
    Conversations(database).save("talk", "fake/model", {}, (Message("user", "kept"),))
    for number in range(8):
        ask((f"{number} " + f"{number} words " * 25_000, "yes"))
    assert path.stat().st_size > 1_500_000
    ask(("last", "yes"), keep_mb=1)
    assert path.stat().st_size <= 1_000_000
    left = log.latest(Filter(), 10)
    assert left[0].prompt == "last"
    assert 1 < len(left) < 9
    assert [one.id for one in left] == list(range(9, 9 - len(left), -1))
    assert log.show(left[-1].id)["messages"][0]["content"].startswith(left[-1].prompt[:2])
    assert len(Conversations(database).all()) == 1


def test_pruning_an_empty_log_does_nothing(database, path):
    connection = database.open()
    pruning.prune(connection, 1, 1)
    connection.close()
    assert counts(path) == [0, 0, 0]
