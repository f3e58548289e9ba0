"""Files from the web into a pull's folder, with steps to show and a way to stop."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from llmspell.models.incoming import Arrived, Incoming
from llmspell.models.steps import LOOK, Step, Stopped
from llmspell.models.transfer import RemoteFile, Transfer


def download(
    files: Sequence[RemoteFile], incoming: Incoming, stop: threading.Event
) -> Generator[Step, None, list[Arrived]]:
    """Fetch files one after the other, each going on from what an earlier pull left of it; the return value is where
    they are. Ends soon after ``stop`` is set, or when the generator is closed; what was received stays.

    Raises:
        PullFailed: one can't be fetched, or is another than expected.
        Stopped: ``stop`` was set.
    """
    arrived = []
    before = 0
    sizes = [file.size for file in files]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    for file in files:
        transfer = Transfer(incoming.id, file, incoming.folder)
        threading.Thread(target=transfer.run, name="llmspell-pull", daemon=True).start()
        try:
            while not transfer.ended.wait(LOOK):
                if stop.is_set():
                    raise Stopped
                yield _step(transfer, before, total)
        finally:
            transfer.give_up()
        if transfer.failure is not None:
            raise transfer.failure
        before += transfer.done
        yield Step("downloading", before, before if total is None else total)
        arrived.append(Arrived(transfer.path, file.name, transfer.sha256))
    yield Step("verifying", before, before)  # each was, as it came
    return arrived


def _step(transfer: Transfer, before: int, total: int | None) -> Step:
    if transfer.status == "verifying":  # of one file
        return Step("verifying", transfer.done, transfer.total)
    if total is None and transfer.total is not None:
        total = before + transfer.total
    return Step("downloading", before + transfer.done, total)
