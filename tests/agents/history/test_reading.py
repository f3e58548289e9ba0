"""Lists, search, figures, and what is thrown away when there is too much."""

import sqlite3
import time

import pytest

from llmspell.agents.history import pruning, schema
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.figures import Spread, figures
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


def test_figures(ask, database):
    ask(("a", "1"), ("b", "2"), ("c", DEAD))
    ask(("d", "3"), model="fake/other")
    first, second = figures(Filter(), database)
    assert (first.model, first.requests, first.errors) == ("fake/model", 3, 1)
    assert first.error_types == {"provider_crashed": 1}
    assert (first.input_tokens, first.output_tokens) == (20, 10)
    assert 0 < first.total_ms.p50 <= first.total_ms.p90 <= first.total_ms.p99
    assert first.tokens_per_second > 0
    assert (second.model, second.requests, second.errors) == ("fake/other", 1, 0)
    assert figures(Filter(model="nothing"), database) == []


ROW = {"run": "r", "verb": "chat", "spec": "best", "messages": "[]", "options": "{}", "prompt": "", "started_at": 1.0}


def put(database, **row):
    row = {**ROW, "provider": "fake", "model": "model", "ended_at": 2.0, **row}
    places = ", ".join("?" * len(row))
    insert = f"INSERT INTO requests ({', '.join(row)}) VALUES ({places})"
    database.run(lambda connection: connection.execute(insert, tuple(row.values())))


def test_figures_of_times_and_costs(database):
    for ms in range(1, 101):
        put(database, total_ms=1000 + ms, first_token_ms=ms, output_tokens=11, cost=0.001)
    (found,) = figures(Filter(), database)
    assert found.model == "fake/model", "by who answered, not by what was asked for"
    assert found.first_token_ms == Spread(50, 90, 99)
    assert found.total_ms == Spread(1050, 1090, 1099)
    assert found.tokens_per_second == 10.0
    assert (round(found.cost, 6), found.cost_unknown) == (0.1, 0)
    put(database, total_ms=0.5, first_token_ms=0.1, cached=1, cost=0.0)
    put(database, total_ms=5000, first_token_ms=4000, attempts=3)
    put(database, total_ms=9000, error_type="rate_limited", attempts=2)
    put(database, ended_at=None)
    (found,) = figures(Filter(), database)
    assert (found.from_cache, found.retried, found.cost_unknown) == (1, 2, 1)
    assert found.error_types == {"rate_limited": 1, "unfinished": 1}
    assert found.total_ms == Spread(1051, 1091, 1100), "neither what the cache gave nor what failed counts"
    assert figures(Filter(model="best"), database)[0].requests == 104
    assert figures(Filter(model="fake/mod"), database)[0].requests == 104


def test_a_request_that_found_no_provider_counts_under_its_name(database):
    put(database, provider=None, model=None, error_type="model_not_found")
    (found,) = figures(Filter(), database)
    assert (found.model, found.requests, found.errors, found.cost) == ("best", 1, 1, None)
    assert (found.total_ms, found.first_token_ms, found.tokens_per_second) == (None, None, None)


@pytest.mark.parametrize(("count", "wanted"), [(1, (1, 1, 1)), (2, (1, 2, 2)), (10, (5, 9, 10)), (3, (2, 3, 3))])
def test_percentiles_of_few_are_values_that_there_were(count, wanted):
    assert Spread.of([float(value) for value in range(count, 0, -1)]) == Spread(*wanted)


def test_a_request_is_written_with_its_attempts_and_cost(make_hub, provider, run, log):
    hub = make_hub()
    provider.enqueue(ProviderCrashed("it died", provider="fake"))
    provider.enqueue("at last", usage=Usage(10, 5, cost=0.25))

    async def work():
        _ = [event async for event in hub.chat("fake/model", (Message("user", "x"),))]
        await hub.aclose()

    run(work())
    found = log.show(1)
    assert (found["attempts"], found["cost"], found["cached"]) == (2, 0.25, 0)


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
