"""One stream of a provider, watched: the time limits, the rule of the one `Finish`, no foreign exception."""

from __future__ import annotations

import asyncio
import math
import sys
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
        following, wait, came = events.__anext__, limits.wait, limits.came
        while True:
            wait()
            try:
                event = await following()
            except StopAsyncIteration:
                came()
                break
            except BaseException:
                came()
                raise
            came()
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
        limits.close()
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
    """Interrupts the wait for an event when a limit passes: `wait` before it, `came` after it, whatever came.

    A timer cancels the waiting task. There is one for all events, which looks again where it rings too early: a timer
    for each event would cost as much as all the rest, a task for each ten times that.
    """

    def __init__(self, timeouts: Timeouts, provider: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        self._provider = provider
        self._ends = math.inf if timeouts.total is None else self._loop.time() + timeouts.total
        self._limit = timeouts.first_event or math.inf  # of the event that is waited for
        self._later = timeouts.between_events or math.inf  # of those after it
        self._first = True
        self._limited = min(self._ends, self._limit, self._later) < math.inf
        self._due = math.inf
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._timer: asyncio.TimerHandle | None = None
        self._expired: LLMSpellError | None = None

    def wait(self) -> None:
        """An event is waited for from now on."""
        if not self._limited:
            return
        self._due = min(self._loop.time() + self._limit, self._ends)
        self._task = asyncio.current_task()
        if sys.version_info >= (3, 11):
            assert self._task is not None
            self._cancelling = self._task.cancelling()
        if self._timer is None or self._timer.when() > self._due:
            self._ring()

    def came(self) -> None:
        """Something has come of it.

        Raises:
            ProviderTimeout, Timeout: it is this limit that ended the wait.
        """
        if not self._limited:
            return
        task, self._task = self._task, None
        if self._expired is not None:
            if sys.version_info >= (3, 11):
                assert task is not None
                if task.uncancel() > self._cancelling:
                    return  # somebody else cancelled the task too
            raise self._expired from None
        self._first = False
        self._limit = self._later

    def close(self) -> None:
        """Nothing is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        """Set the timer to what is due, or to what the next event could make due; to none where there is no limit."""
        if self._timer is not None:
            self._timer.cancel()
        when = min(self._due, self._loop.time() + self._later)
        self._timer = None if when == math.inf else self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return  # whoever reads the stream takes his time
        now = self._loop.time()
        if now < self._due:
            self._ring()
            return
        if self._due == self._ends:
            self._expired = Timeout(f"the answer took longer than {self._timeouts.total:g} s")
        else:
            what = "answer" if self._first else "go on"
            message = f"{self._provider} did not {what} within {self._limit:g} s"
            self._expired = ProviderTimeout(message, provider=self._provider)
        self._task.cancel()
