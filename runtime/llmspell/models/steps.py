"""How a pull goes on: the steps that it reports, and the frame that every source's pull runs in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from llmspell.models.incoming import Incoming, disk_failure
from llmspell.models.store import Store, StoredModel

T = TypeVar("T")

LOOK: Final = 0.1
"""Seconds between two looks at how far it is, and at ``stop``."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a pull is: bytes over the wire while downloading, bytes of the model's files while verifying.

    ``total`` is None where nobody knows. ``model`` comes with ``complete``: the id that the store has it under.
    """

    status: Literal["starting", "downloading", "verifying", "complete"]
    done: int
    total: int | None
    model: str | None = None


class Stopped(Exception):
    """The pull was stopped on request; what it received is kept where it can be gone on from."""


def into_store(
    id: str,
    store: Store,
    stop: threading.Event,
    fill: Callable[[Incoming], Generator[Step, None, None]],
    *,
    total: int | None = None,
    is_it: Callable[[StoredModel], bool] = lambda model: True,
) -> Iterator[Step]:
    """Bring a model into the store by ``fill``, unless it is there: then ``is_it`` says whether it is the one that is
    meant, or raises.

    A pull of the same model in another process is waited for, and shown meanwhile.

    Raises:
        PullFailed: the store can't be written, or what ``fill`` raises.
        Stopped: ``stop`` was set.
    """
    yield Step("starting", 0, total)
    try:
        with contextlib.ExitStack() as held:
            incoming = None
            while incoming is None:
                try:
                    incoming = held.enter_context(store.incoming(id, _raise_held))
                except _Held:
                    yield Step("downloading", store.received(id), total)
                    if stop.wait(LOOK):
                        raise Stopped from None
            model = store.find(id)
            if model is None or not is_it(model):
                yield from fill(incoming)
    except OSError as error:
        raise disk_failure(id, store.folder, error) from error
    size = model.manifest.size_bytes if (model := store.find(id)) else 0
    yield Step("complete", size, size, id)


def beside(work: Callable[[], T], stop: threading.Event) -> T:
    """The result of what can't be interrupted, computed in a thread that is left alone once ``stop`` is set.

    Raises:
        Stopped: ``stop`` was set.
    """
    done = threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
            failure.append(error)
        done.set()

    threading.Thread(target=run, name="llmspell-pull", daemon=True).start()
    while not done.wait(LOOK):
        if stop.is_set():
            raise Stopped
    if failure:
        raise failure[0]
    return result[0]


class _Held(Exception):
    """Another process pulls this model."""


def _raise_held() -> None:
    raise _Held
