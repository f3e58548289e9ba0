"""Texts to vectors with xllamacpp: in groups that fit the context, several groups of different callers at once."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from llmspell.errors import ContextOverflow, LLMSpellError, ModelNotUsable, ProviderError
from llmspell_gguf.admission import Admission, Reservation
from llmspell_gguf.engine import Embedded
from llmspell_gguf.metadata import Metadata

_MARKS: Final = 4
"""Tokens that a model puts around a text, at most."""
_TOO_LARGE: Final = re.compile(r"input \((\d+) tokens\) is too large")


class Embedder:
    """The vectors of one request, made by an engine that was loaded for it.

    All texts that are read at one time must fit the context together. Nothing here counts tokens, but none is
    shorter than a byte. ``beginning`` is the token that is read for an empty text.
    """

    def __init__(self, server: Any, admission: Admission, beginning: int) -> None:
        self._server, self._admission, self._beginning = server, admission, beginning

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """See `Engine.embed`."""
        vectors: list[tuple[float, ...]] = []
        tokens = 0
        for group, size in self._groups(texts):
            held = await self._admission.enter(size)
            result = self._in_thread(group, len(vectors), held)
            found, read = await asyncio.wrap_future(result)
            vectors += found
            tokens += read
        return Embedded(tuple(vectors), tokens)

    def _groups(self, texts: Sequence[str]) -> Iterator[tuple[list[str], int]]:
        """Split into runs that are read at once, each with the tokens that it may have."""
        group: list[str] = []
        size = 0
        for text in texts:
            data = text.encode("utf-8", "replace")  # half a surrogate pair is no text to the engine
            more = len(data) + _MARKS
            if group and size + more > self._admission.capacity:
                yield group, size
                group, size = [], 0
            group.append(data.decode())
            size += more
        if group:
            yield group, size

    def _in_thread(self, texts: list[str], before: int, held: Reservation) -> Future[tuple[list[Any], int]]:
        """Read a group in a thread of its own.

        The engine can't be stopped in it. Who is cancelled doesn't wait; others get the room when it is done.
        """
        result: Future[tuple[list[Any], int]] = Future()
        result.set_running_or_notify_cancel()

        def work() -> None:
            try:
                found = self._read(texts, before)
            except BaseException as error:  # noqa: BLE001 - raised again where the vectors are awaited
                held.leave()
                result.set_exception(error)
            else:
                held.leave()
                result.set_result(found)

        try:
            threading.Thread(target=work, name="llmspell-engine", daemon=True).start()
        except RuntimeError as error:
            held.leave()
            raise ProviderError(
                f"no thread for another request: {error}", hint="run fewer at once", retryable=True
            ) from None
        return result

    def _read(self, texts: list[str], before: int) -> tuple[list[Any], int]:
        answer = self._ask(texts)
        if "error" in answer and "" in texts:  # refused where the model puts no marks around a text
            answer = self._ask([text or [self._beginning] for text in texts])
        if "error" in answer:
            raise self._failure(answer["error"], before + 1)
        rows = sorted(answer["data"], key=lambda row: row["index"])
        return [tuple(row["embedding"]) for row in rows], answer["usage"]["prompt_tokens"]

    def _ask(self, texts: Sequence[str | list[int]]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._server.handle_embeddings({"input": texts})
        except (ValueError, RuntimeError, TypeError) as error:
            raise ProviderError(f"the engine failed: {error}", provider="gguf") from error
        return answer

    def _failure(self, error: Mapping[str, Any], place: int) -> LLMSpellError:
        message = " ".join(str(error.get("message")).split())
        if found := _TOO_LARGE.search(message):  # it is alone in its group
            tokens, limit = int(found[1]), self._admission.capacity
            text = f"text {place} has {tokens} tokens and the model's context holds {limit}"
            return ContextOverflow(limit, tokens, text, hint="split it into shorter texts")
        return ProviderError(f"the engine failed: {message}", provider="gguf")


def pooling(metadata: Metadata) -> str:
    """How the vectors of a text's tokens become one: as the file says, else their mean.

    Raises:
        ModelNotUsable: the model gives no vectors.
    """
    if metadata.pooling == "rank":
        path = metadata.path
        raise ModelNotUsable(f"{path} is a reranker, it gives no vectors", model=path, hint="take an embedding model")
    return metadata.pooling if metadata.pooling not in (None, "none") else "mean"
