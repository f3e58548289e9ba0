"""A file on its way from the web into a part, in a thread: gone on from where it was cut, hashed as it comes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from llmspell.errors import LLMSpellError, PullFailed
from llmspell.models.connection import Answer, Broken, Refused, open_at
from llmspell.models.gguf_files import MAGIC
from llmspell.models.incoming import PART, check_space, disk_failure
from llmspell.models.steps import Stopped

PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try; the count begins anew when a try brought bytes that were not here before."""

_LONGEST_PAUSE: Final = 30.0
_CHUNK: Final = 1 << 19
_AGAIN: Final = frozenset({408, 416, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to fetch. ``name`` is its name in the store; size and sha256 are checked where they are known.

    ``token`` is sent to the host of ``url``. ``explain`` may know better what a refusal means, from the HTTP status
    and the headers, whose names are in lower case.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str | None = None
    token: str | None = field(default=None, repr=False)
    explain: Callable[[int, Mapping[str, str]], LLMSpellError | None] = lambda status, headers: None

    @property
    def address(self) -> str:
        """The URL as it may be shown: without its query, which may hold a key."""
        return self.url.partition("#")[0].partition("?")[0]


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is written beside a part, so that only the same file is gone on from."""

    address: str
    validator: str | None
    size: int | None
    sha256: str | None


class Transfer:
    """The fetching of one file. ``run`` blocks, in a thread of its own; whoever waits reads ``status``, ``done`` and
    ``total``, and after ``ended`` is set ``sha256`` or ``failure``.
    """

    def __init__(self, id: str, file: RemoteFile, folder: Path) -> None:
        self.status: Literal["verifying", "downloading"] = "downloading"
        self.done = 0
        self.total = file.size
        self.sha256 = ""
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self.path = folder / f"{file.name}{PART}"
        self._id = id
        self._file = file
        self._folder = folder
        self._mark_file = folder / f"{file.name}{PART}.json"
        self._mark = _Mark(file.address, None, file.size, file.sha256)
        self._hash = hashlib.sha256()
        self._received = 0
        self._gate = threading.Lock()
        self._given_up = threading.Event()

    def run(self) -> None:
        """Fetch the file, down to the disk."""
        try:
            with self.path.open("ab", buffering=0) as out:
                self._go_on(out.fileno())
                self._receive(out.fileno())
                os.fsync(out.fileno())
            self._check()
        except OSError as error:
            self.failure = disk_failure(self._id, self._folder, error)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the transfer is awaited
            self.failure = error
        if self.failure is not None and not self.done:
            self._drop()
        self.ended.set()

    def give_up(self) -> None:
        """Leave the files as they are from now on; a connection that stalls is left to itself."""
        self._given_up.set()
        with self._gate:
            pass

    # ── what is here ──────────────────────────────────────────────────────────────────────────────────────────────

    def _go_on(self, out: int) -> None:
        """Count what an earlier pull received, if it is of the same file, and hash it."""
        mark = self._read_mark()
        size = os.fstat(out).st_size
        if mark is None or (mark.size is not None and size > mark.size):
            self._restart(out)
            return
        self._mark, self.total = mark, mark.size
        self.status, self.total = "verifying", size
        with self.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                if self._given_up.is_set():
                    raise Stopped
                self._hash.update(chunk)
                self.done += len(chunk)
        self.status, self.total = "downloading", mark.size

    def _read_mark(self) -> _Mark | None:
        file = self._file
        try:
            mark = _Mark(**json.loads(self._mark_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        if file.sha256 is not None:
            return mark if mark.sha256 == file.sha256 and mark.size in (None, file.size or mark.size) else None
        return mark if mark.address == file.address and mark.validator and mark.sha256 is None else None

    def _restart(self, out: int) -> None:
        with self._writing():
            os.ftruncate(out, 0)
        self.done = 0
        self.total = self._file.size
        self._hash = hashlib.sha256()

    def _drop(self) -> None:
        with contextlib.suppress(OSError, Stopped), self._writing():
            self._mark_file.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._gate:
            if self._given_up.is_set():
                raise Stopped
            yield

    # ── what comes ────────────────────────────────────────────────────────────────────────────────────────────────

    def _receive(self, out: int) -> None:
        best, tries = self.done, 0
        while self.total is None or self.done < self.total:
            try:
                self._try(out)
                continue
            except Refused as refused:
                if refused.status not in _AGAIN:
                    raise self._refusal(refused) from None
                if refused.status == 416:
                    self._restart(out)
                failure, pause, final = self._refusal(refused), refused.retry_after, False
            except Broken as broken:
                failure, pause = self._breakdown(broken), 0.0
                final = self.done <= best and (broken.stalled or (broken.before and not self._received))
            if self.done > best:
                best, tries = self.done, 0
            if final or tries == len(PAUSES):
                raise failure
            if self._given_up.wait(min(max(pause, PAUSES[tries]), _LONGEST_PAUSE)):
                raise Stopped
            tries += 1

    def _try(self, out: int) -> None:
        validator = self._mark.validator if self._file.sha256 is None else None  # a checksum settles it in the end
        answer = open_at(self._file.url, self.done, validator, self._file.token)
        with contextlib.closing(answer):
            if self._continues(answer):
                check_space(self._id, self._folder, (self.total or 0) - self.done)
            elif answer.offset:
                self._restart(out)
                raise Broken("the server sent another part of the file than was asked for")
            else:
                self._begin(answer, out)
            while self.total is None or self.done < self.total:
                chunk = answer.read(_CHUNK if self.total is None else min(_CHUNK, self.total - self.done))
                if not chunk:
                    break
                self._take(out, chunk)
            if self.total is not None and self.done < self.total:
                raise Broken("the connection was cut")
            self.total = self.done

    def _continues(self, answer: Answer) -> bool:
        """Whether this is what was asked for: the same file, from where its part ends."""
        same = answer.total in (None, self.total) and answer.validator in (None, self._mark.validator)
        return self.done > 0 and answer.offset == self.done and (same or self._file.sha256 is not None)

    def _begin(self, answer: Answer, out: int) -> None:
        """Take a file from its beginning; what was here is kept until it is seen that this is one."""
        file = self._file
        if file.size is not None and answer.total not in (None, file.size):
            raise self._failed(f"it has {answer.total} bytes there and should have {file.size}")
        if not answer.ends_marked and file.sha256 is None:
            raise self._failed(
                "the server doesn't say how long the file is, so that a part of it would pass for all",
                hint="add the file's checksum to the URL: #sha256=…",
            )
        head = b""
        while len(head) < len(MAGIC) and (more := answer.read(len(MAGIC) - len(head))):
            head += more
        if head != MAGIC:
            raise self._no_model(answer.kind)
        total = file.size if answer.total is None else answer.total
        check_space(self._id, self._folder, (total or 0) - self.done)
        self._restart(out)
        self.total = total
        self._mark = _Mark(file.address, answer.validator, self.total, file.sha256)
        with self._writing():
            self._mark_file.write_text(json.dumps(asdict(self._mark)), encoding="utf-8")
        self._take(out, head)

    def _take(self, out: int, chunk: bytes) -> None:
        with self._writing():
            _write(out, chunk)
        self._hash.update(chunk)
        self.done += len(chunk)
        self._received += len(chunk)

    def _check(self) -> None:
        self.sha256 = self._hash.hexdigest()
        if self._file.sha256 in (None, self.sha256):
            return
        self._drop()
        raise self._failed(
            f"its sha256 should be {self._file.sha256} and is {self.sha256}",
            hint="pull again; if it stays so, the file was changed on its way, or the checksum is of another one",
        )

    # ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────

    def _failed(self, what: str, hint: str | None = None) -> PullFailed:
        return PullFailed(f"{self._id} can't be fetched from {self._file.address}: {what}", model=self._id, hint=hint)

    def _no_model(self, kind: str) -> PullFailed:
        failure = self._failed(
            f"what comes is no GGUF file but {kind}", hint="open the address in a browser: it may want a login"
        )
        failure.retryable = False
        return failure

    def _refusal(self, refused: Refused) -> LLMSpellError:
        if known := self._file.explain(refused.status, refused.headers):
            return known
        status = refused.status
        what = {401: "a login is needed", 403: "it may not be read", 404: "there is no such file", 410: "it is gone"}
        hints = {404: "check the address", 429: "wait a while, then pull again"}
        hint = hints.get(status, "pull again later" if status >= 500 else "fetch it with a browser and pull its path")
        failure = self._failed(f"{what.get(status, 'the server refused')} (HTTP {status})", hint=hint)
        failure.retryable = status in _AGAIN
        return failure

    def _breakdown(self, broken: Broken) -> PullFailed:
        if broken.untrusted:
            return self._failed(broken.reason, hint="name the certificates to trust in SSL_CERT_FILE")
        if broken.before:
            host = urlsplit(self._file.url).hostname
            return self._failed(broken.reason, hint=f"check the connection, and that {host} can be reached from here")
        kept = f"{self.done / 1e6:,.0f} MB are here and will be gone on from" if self.done else "nothing came yet"
        return self._failed(broken.reason, hint=f"pull again: {kept}")


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a disk that fills up takes a part first
        view = view[os.write(out, view) :]
