"""A pull from a server on loopback, against `curl` of the same file, which is brought down to the disk as a pull's is.

A pull also takes the file's sha256, which `curl` doesn't. What that takes by itself is a row of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import cost_of
from bench.rounds import interleaved
from bench.rows import Expected, Row, compared, missing
from llmspell.models import pulls
from llmspell.models.names import parse
from llmspell.models.store import Store

CHUNK = 1 << 20
SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer()
        with open(sys.argv[1], "rb") as file:
            self.connection.sendfile(file)

    def do_HEAD(self):
        self.answer()

    def answer(self):
        self.send_response(200)
        self.send_header("Content-Length", str(os.path.getsize(sys.argv[1])))
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def run(quick: bool) -> Iterator[Row]:
    """Yield the pull, and the checksum that is a part of it."""
    if shutil.which("curl") is None:
        yield missing("pull", "pull from loopback", "curl is not installed")
        return
    megabytes, rounds = (20, 2) if quick else (400, 9)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "model.gguf"
        _write(file, megabytes)
        with _served(file) as port:
            url = f"http://127.0.0.1:{port}/model.gguf"
            pulled, fetched, summed = interleaved(
                rounds,
                lambda: _pull(url, folder / "home", megabytes),
                lambda: _curl(url, folder),
                lambda: _sum(file),
            )
    yield compared("pull", f"pull of {megabytes} MB", "ms", pulled, fetched, "curl", Expected("ratio", most=1.3))
    yield compared("pull", "its sha256 alone", "ms", summed)


def _write(file: Path, megabytes: int) -> None:
    with file.open("wb") as out:
        out.write(b"GGUF" + os.urandom(CHUNK - 4))
        for _ in range(megabytes - 1):
            out.write(os.urandom(CHUNK))


@contextmanager
def _served(file: Path) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SERVER, str(file)], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline())
        finally:
            child.kill()


def _pull(url: str, home: Path, megabytes: int) -> float:
    """Milliseconds of a pull into an empty store."""
    shutil.rmtree(home, ignore_errors=True)
    began = time.perf_counter()
    *_, last = pulls.fetch(parse(url), Store(home), threading.Event())
    took = time.perf_counter() - began
    if last.done != megabytes * CHUNK:
        raise RuntimeError(f"the pull brought {last.done} bytes")
    return took * 1e3


def _curl(url: str, folder: Path) -> float:
    """Milliseconds of curl, and of what is left to do until its file is on the disk."""
    out = folder / "curled"
    out.unlink(missing_ok=True)
    fetching = cost_of([str(shutil.which("curl")), "-sSf", "-o", str(out), url], folder).wall
    began = time.perf_counter()
    with out.open("rb") as written:
        os.fsync(written.fileno())
    return (fetching + time.perf_counter() - began) * 1e3


def _sum(file: Path) -> float:
    """Milliseconds of reading and hashing."""
    began = time.perf_counter()
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return (time.perf_counter() - began) * 1e3
