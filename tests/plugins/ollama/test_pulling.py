"""Pulls: recorded streams become progress, and every bad end an error that says what to do."""

import asyncio
import socket
from contextlib import aclosing

import pytest
from replay import answer

from llmspell.errors import InvalidRequest, ModelNotFound, ProviderError, ProviderUnavailable, PullFailed
from llmspell.models.names import parse
from llmspell.testing import drive

MODEL = parse("ollama/smollm2")
SIZE = 98_362_432


async def steps(ollama, ref=MODEL):
    return [step async for step in ollama.pull(ref)]


def failing(ollama, ref=MODEL):
    """What came before the error, and the error."""
    seen = []

    async def run():
        async for step in ollama.pull(ref):
            seen.append(step)

    try:
        drive(run())
    except Exception as error:  # noqa: BLE001 - its class is what the caller looks at
        return seen, error
    pytest.fail("the pull did not fail")


def never_back(found):
    done = [step.bytes_downloaded for step in found]
    assert done == sorted(done)
    return done


def test_a_pull(replay, ollama):
    replay.play("pull-success")
    found = drive(steps(ollama))
    assert replay.requests[0].json == {"model": "smollm2"}
    assert [step.status for step in found] == ["starting", *["downloading"] * 32, "verifying", "verifying", "complete"]
    assert never_back(found)[1] == 2_752_512
    assert (found[1].bytes_total, found[-1].bytes_downloaded, found[-1].bytes_total) == (SIZE, SIZE, SIZE)
    assert found[-1].model == "smollm2:latest"


def test_what_is_there_already_is_not_downloaded(replay, ollama):
    replay.play("pull-cached")
    found = drive(steps(ollama))
    assert [step.status for step in found] == ["starting", "complete"]
    assert found[-1].bytes_total == SIZE + 102 + 59 + 152


@pytest.mark.parametrize(
    ("id", "size"),
    [
        ("pull-backwards", 8_000_000),
        ("pull-cut", None),
        ("pull-stall", None),
        ("pull-stall-retry", None),
        ("pull-parts", 220_000_155),
        ("pull-resumed", SIZE),
    ],
)
def test_progress_never_goes_back(replay, ollama, id, size):
    replay.play(id)
    found = drive(steps(ollama))
    never_back(found)
    assert found[-1].status == "complete"
    assert found[-1].bytes_downloaded == found[-1].bytes_total == (size or found[-1].bytes_total)


def test_the_layers_of_a_model_are_summed_up(replay, ollama):
    def layer(name, completed=None):
        total = {"a": 1000, "b": 500}[name]
        return {"status": "pulling", "digest": name, "total": total, **({"completed": completed} if completed else {})}

    lines = [layer("a"), layer("a", 990), layer("b"), layer("b", 100), layer("b", 40), layer("b", 500)]
    replay.play(answer("POST", "/api/pull", *lines, {"status": "writing manifest"}, {"status": "success"}))
    found = drive(steps(ollama))
    assert [(step.bytes_downloaded, step.bytes_total) for step in found[1:]] == [
        (0, 1000),
        (990, 1000),
        (1000, 1500),
        (1100, 1500),
        (1100, 1500),
        *[(1500, 1500)] * 3,
    ]


def test_a_pull_that_is_stopped_closes_the_connection_and_the_next_one_goes_on(replay, ollama):
    replay.play("pull-cancelled", "pull-resumed")

    async def run():
        async with aclosing(ollama.pull(MODEL)) as progress:
            async for step in progress:
                if step.bytes_downloaded > 20_000_000:
                    break
        return await steps(ollama)

    found = drive(run())
    assert replay.requests[0].left.wait(20)
    assert found[1].bytes_downloaded > 23_000_000
    assert found[-1].status == "complete"


def test_a_pull_whose_task_is_cancelled_closes_the_connection(replay, ollama):
    (exchange,) = replay.play("pull-cancelled")

    async def run():
        task = asyncio.ensure_future(steps(ollama))
        await asyncio.to_thread(exchange.held.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    drive(run())
    assert replay.requests[0].left.wait(20)


@pytest.mark.parametrize(
    ("id", "kind", "words", "hint"),
    [
        ("pull-unknown", ModelNotFound, "no model", "look"),
        ("pull-digest-mismatch", PullFailed, "digest mismatch", "again"),
        ("pull-denied", PullFailed, "access denied", "signin"),
        ("pull-token-refused", PullFailed, "403", "signin"),
        ("pull-registry-500", PullFailed, "disk full", "later"),
        ("pull-connection-refused", PullFailed, "connection refused", "network"),
        ("pull-no-network", PullFailed, "registry.ollama.ai", "network"),
        ("pull-http-not-allowed", PullFailed, "TLS handshake", "insecure"),
        ("pull-scheme-http", PullFailed, "TLS handshake", "insecure"),
        ("pull-max-retries", PullFailed, "max retries exceeded", "goes on"),
        ("pull-bad-name", InvalidRequest, "can't be", "model[:tag]"),
        ("syn-pull-error-late", PullFailed, "full", "remove"),
        ("syn-pull-no-success", PullFailed, "before it was complete", "goes on"),
    ],
)
def test_every_way_to_fail_has_its_error(replay, ollama, id, kind, words, hint):
    replay.play(id)
    seen, error = failing(ollama)
    assert type(error) is kind
    assert words in error.message
    assert hint in error.hint
    assert "complete" not in [step.status for step in seen]
    never_back(seen)


def test_a_cut_pull_can_be_tried_again(replay, ollama):
    replay.play("syn-pull-cut")
    seen, error = failing(ollama)
    assert isinstance(error, ProviderError)
    assert error.retryable
    assert never_back(seen)[-1] > 50_000_000


def test_a_pull_without_a_server(provide):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    seen, error = failing(provide(host=f"127.0.0.1:{port}"))
    assert type(error) is ProviderUnavailable
    assert seen == []


@pytest.mark.parametrize(
    ("spec", "sent", "id"),
    [
        ("ollama/llama3.2:3b", "llama3.2:3b", "llama3.2:3b"),
        ("ollama/someone/model", "someone/model", "someone/model:latest"),
        ("hf:owner/repo:Q8_0@ollama", "hf.co/owner/repo:Q8_0", "hf.co/owner/repo:Q8_0"),
    ],
)
def test_the_name_that_is_pulled_and_the_one_it_has_then(replay, ollama, spec, sent, id):
    replay.play(answer("POST", "/api/pull", {"status": "success"}))
    assert drive(steps(ollama, parse(spec)))[-1].model == id
    assert replay.requests[0].json == {"model": sent}
