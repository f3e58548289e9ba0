"""One stream of a provider, watched: the time limits, the rule of the one `Finish`, no foreign exception."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, get_args

from llmspell.errors import LLMSpellError, ProviderError, ProviderTimeout, Timeout
from llmspell.providers.contract import ChatEvent, Finish, TextDelta, Timeouts

T = TypeVar("T")
_EVENTS = get_args(ChatEvent)


async def watched(
    start: Callable[[], AsyncIterator[ChatEvent]], provider: str, timeouts: Timeouts
) -> AsyncIterator[ChatEvent]:
    """Yield the events of ``start()``; the `Finish` comes last and only once the provider has ended.

    Every error of the provider that can carry the text so far carries it in ``partial``. Closing this stream closes
    the provider's.

    Raises:
        ProviderTimeout: no first or no further event in time.
        Timeout: the whole took longer than ``timeouts.total``.
        ProviderError: the provider raised something of its own, or broke the contract.
    """
    text: list[str] = []
    finish: Finish | None = None
    events: Any = None
    limits = _Limits(timeouts, provider)
    try:
        events = _iterator(start(), provider)
        while True:
            try:
                event = await limits.next(events)
            except StopAsyncIteration:
                break
            if finish is not None:
                raise ProviderError(f"{provider}.chat went on after its Finish", provider=provider)
            if isinstance(event, TextDelta):
                text.append(event.text)
            elif isinstance(event, Finish):
                finish = event
                continue
            elif not isinstance(event, _EVENTS):
                raise ProviderError(f"{provider}.chat sent {type(event).__name__}, no event", provider=provider)
            yield event
        if finish is None:
            raise ProviderError(
                f"{provider} ended its answer without saying how",
                provider=provider,
                hint="the connection may have been cut; try again",
                retryable=True,
            )
        yield finish
    except LLMSpellError as error:
        if "partial" in error.fields and getattr(error, "partial", None) is None:
            error.partial = "".join(text)  # type: ignore[attr-defined]
        raise
    except Exception as error:
        wrapped = foreign(error, provider, "chat")
        wrapped.partial = "".join(text)
        raise wrapped from error
    finally:
        await close(events)


def foreign(error: BaseException, provider: str, verb: str) -> ProviderError:
    """What leaves in place of an exception that a provider should not have let out."""
    if isinstance(error, NotImplementedError):
        return ProviderError(f"{provider} has no {verb}", provider=provider)
    text = " ".join(str(error).split())
    return ProviderError(
        f"{provider}.{verb} failed: {type(error).__name__}{f': {text}' if text else ''}",
        provider=provider,
        hint="this is a fault of the provider's plugin; --debug shows where",
    )


async def asked(call: Callable[[], Awaitable[T]], provider: str, verb: str, seconds: float | None) -> T:
    """Await a verb that gives one value, within a limit.

    Raises:
        ProviderTimeout: the limit has passed.
        ProviderError: the verb raised something of its own.
    """
    try:
        return await asyncio.wait_for(call(), seconds)
    except LLMSpellError:
        raise
    except (asyncio.TimeoutError, TimeoutError) as error:
        raise ProviderTimeout(f"{provider} did not answer {verb} within {seconds:g} s", provider=provider) from error
    except Exception as error:
        raise foreign(error, provider, verb) from error


async def within(limits: Timeouts, ask: Callable[[float | None], Awaitable[T]]) -> T:
    """Await a request that is answered in one piece: ``ask`` gets the seconds that the answer may take.

    Raises:
        Timeout: it is the total that has passed.
    """
    first, total = limits.first_event, limits.total
    if total is None or (first is not None and first < total):
        return await ask(first)
    try:
        return await ask(total)
    except ProviderTimeout as error:
        raise Timeout(f"the answer took longer than {total:g} s") from error


async def close(events: Any) -> None:
    """Close a provider's stream; what it raises while closing is of no use to anybody."""
    aclose = getattr(events, "aclose", None)
    if aclose is not None:
        try:
            await aclose()
        except Exception:  # noqa: BLE001 - the stream is over either way
            return


def _iterator(events: Any, provider: str) -> Any:
    if hasattr(events, "__anext__"):
        return events
    if hasattr(events, "__aiter__"):
        return aiter(events)
    if asyncio.iscoroutine(events):
        events.close()
    raise ProviderError(
        f"{provider}.chat gave {type(events).__name__}, not a stream of events",
        provider=provider,
        hint="chat must be an async generator",
    )


class _Limits:
    """Awaits events one by one and interrupts the wait when a limit passes.

    A timer cancels the waiting task, which costs two microseconds an event; a task around each event would cost
    thirty.
    """

    def __init__(self, timeouts: Timeouts, provider: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        self._provider = provider
        self._first = True
        self._ends = None if timeouts.total is None else self._loop.time() + timeouts.total
        self._expired: LLMSpellError | None = None

    async def next(self, events: Any) -> ChatEvent:
        limit = self._timeouts.first_event if self._first else self._timeouts.between_events
        if limit is None and self._ends is None:
            event = await events.__anext__()
        else:
            event = await self._next_within(events, limit)
        self._first = False
        return event  # type: ignore[no-any-return]

    async def _next_within(self, events: Any, limit: float | None) -> Any:
        now = self._loop.time()
        due, error = self._due(now, limit)
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling() if hasattr(task, "cancelling") else 0
        self._expired = None

        def expire() -> None:
            self._expired = error
            task.cancel()

        timer = self._loop.call_at(due, expire)
        try:
            return await events.__anext__()
        except BaseException:
            if self._expired is None:
                raise
            if hasattr(task, "uncancel") and task.uncancel() > before:
                raise  # somebody else cancelled the task too
            raise self._expired from None
        finally:
            timer.cancel()

    def _due(self, now: float, limit: float | None) -> tuple[float, LLMSpellError]:
        soon = None if limit is None else now + limit
        if soon is None or (self._ends is not None and self._ends <= soon):
            assert self._ends is not None
            return self._ends, Timeout(f"the answer took longer than {self._timeouts.total:g} s")
        what = "answer" if self._first else "go on"
        return soon, ProviderTimeout(f"{self._provider} did not {what} within {limit:g} s", provider=self._provider)
