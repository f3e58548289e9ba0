"""The connection: what is read, what goes wrong, what is never sent."""

import asyncio

import pytest

from llmspell.errors import ProviderError


def gathered(connection, path="/api/chat", body=None, **limits):
    async def run():
        got = []
        try:
            async for line in connection.lines(path, body or {"model": "smollm2"}, **limits):
                got.append(line)
        except Exception as error:
            return got, error
        return got, None

    return asyncio.run(run())


@pytest.mark.parametrize(
    "id",
    ["chat-stream", "syn-split-7", "syn-one-chunk", "syn-crlf", "syn-blank-lines", "syn-no-final-newline", "chat-nel"],
)
def test_lines_however_they_are_cut(replay, connection, id):
    replay.play(id)
    lines, error = gathered(connection)
    assert error is None
    assert lines[-1]["done"] is True
    assert len(lines) > 3


@pytest.mark.parametrize("id", ["syn-cut", "syn-half-line", "syn-half-line-cut", "syn-reset"])
def test_bad_ends(replay, connection, id):
    replay.play(id)
    lines, error = gathered(connection)
    assert lines
    assert isinstance(error, ProviderError)
    assert error.retryable
