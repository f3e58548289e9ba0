"""Functions of a script as Python calls them: by number, since Lua's own may not be held outside a step.

`prelude/functions.lua` has the other half.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from llmspell.errors import ScriptError
from llmspell.lua.effects import Later, Op, may_wait

if TYPE_CHECKING:
    import asyncio


ASKED: ContextVar[tuple[int, ...]] = ContextVar("asked", default=())
"""The agents whose turns lead to what runs now, the outermost first. It goes along with each call into the script and
comes back with what the function asks, so that an agent that waits for itself is found out."""


class FunctionFailed(ScriptError):
    """A function of a script raised; ``value`` is what it raised, where that is a plain value of its own. ``returned``
    says that it ended well, and what it returned can't leave Lua."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        where, message = fields.get("where"), str(fields.get("message"))
        super().__init__(
            f"{where}: {message}" if where else message,
            hint=fields.get("hint"),
            error_type=str(fields.get("type")),
        )
        self.retryable = bool(fields.get("retryable"))
        self.value = fields.get("value")
        self.returned = bool(fields.get("returned"))

    @property
    def type(self) -> str:
        """The type of the error that the function raised."""
        return self.error_type


class Functions:
    """Calls functions of one script. Calls wait here until the script can take them, all that there are at once."""

    def __init__(self) -> None:
        self._wanted: list[dict[str, Any]] = []
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._next: Later | None = None
        self._made = 0

    async def call(self, number: int, *arguments: Any) -> Any:
        """Call the function of a number with plain values and return its first result as one. Cancelling this cancels
        the function where it waits.

        Raises:
            FunctionFailed: it raised, or returned what can't leave Lua.
        """
        import asyncio

        self._made += 1
        call = self._made
        answer = self._answers[call] = asyncio.get_running_loop().create_future()
        self._want({"call": call, "fn": number, "arguments": list(arguments), "asked": list(ASKED.get())})
        try:
            return await answer
        except asyncio.CancelledError:
            self._want({"call": call, "cancel": True})
            raise
        finally:
            del self._answers[call]

    def reference(self, value: Any) -> Callable[..., Awaitable[Any]] | None:
        """The function behind what `with_numbers` made of it; None if the value was no function."""
        if isinstance(value, Mapping) and len(value) == 1 and isinstance(number := value.get("$function"), int):
            return partial(self.call, number)
        return None

    def ops(self) -> dict[str, Op]:
        """What the prelude asks for."""
        return {"functions.next": self._take, "functions.answer": self._answered}

    def _want(self, wanted: dict[str, Any]) -> None:
        self._wanted.append(wanted)
        if self._next is not None:
            later, self._next = self._next, None
            later.deliver(True, self._all())

    def _all(self) -> list[dict[str, Any]]:
        wanted, self._wanted = self._wanted, []
        return wanted

    @may_wait
    def _take(self) -> list[dict[str, Any]] | Later:
        if self._wanted:
            return self._all()
        self._next = Later()
        return self._next

    def _answered(self, call: int, ok: bool, value: Any = None) -> None:
        answer = self._answers.get(call)
        if answer is not None and not answer.done():
            if ok:
                answer.set_result(value)
            else:
                answer.set_exception(FunctionFailed(value))
