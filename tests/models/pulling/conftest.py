"""A web server on loopback that serves files, speaks enough of Hugging Face's protocol, and can misbehave."""

import hashlib
import http.server
import json
import os
import socket
import threading
from dataclasses import dataclass, field

import pytest

from llmspell.models import transfer
from llmspell.models.store import Store

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Request:
    """What was asked for and how much of a body was sent."""

    path: str
    headers: dict
    status: int = 0
    sent: int = 0


@dataclass
class Manners:
    """How files are served.

    ``cuts`` has for each answer the body's bytes after which the connection ends, or None; ``holds`` the same for a
    wait until ``go_on``; ``refusals`` statuses and headers to answer with first. ``tags``: send ETags, or this one;
    ``lengths``: send Content-Length, without it ``chunked`` or not; ``ranges``: False ignores them, "wrong" sends
    another part, "any" doesn't look at If-Range.
    """

    cuts: list = field(default_factory=list)
    holds: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    tags: object = True
    lengths: bool = True
    chunked: bool = False
    ranges: object = True


class Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.answers = {}
        self.redirects = {}
        self.redirected = 302
        self.manners = Manners()
        self.requests = []
        self.go_on = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def downloads(self):
        """The requests for files."""
        return [request for request in self.requests if request.path in self.files]

    def answer(self, path, status, body=b"", **headers):
        self.answers[path] = status, body, {name.replace("_", "-"): value for name, value in headers.items()}

    def repository(self, name, files, storage=None, lfs=True):
        """Have a repository as Hugging Face has it; the files themselves come from ``storage``."""
        siblings = []
        for path, content in files.items():
            facts = {"rfilename": path, "size": len(content), "blobId": "0" * 40}
            if lfs:
                facts["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
            siblings.append(facts)
            at = f"/{name}/resolve/{REVISION}/{path}"
            if storage is None:
                self.files[at] = content
            else:
                storage.files[f"/blobs/{path}"] = content
                self.redirects[at] = f"{storage.url}/blobs/{path}"
        info = {"id": name, "modelId": name, "sha": REVISION, "siblings": siblings, "tags": [], "private": False}
        self.answer(f"/api/models/{name}", 200, json.dumps(info).encode())


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.request_seen = Request(path, {name.lower(): value for name, value in self.headers.items()})
        self.server.requests.append(self.request_seen)
        if path in self.server.answers:
            status, body, headers = self.server.answers[path]
            self.head(status, {**headers, "Content-Length": len(body)})
            self.wfile.write(body)
        elif path in self.server.redirects:
            self.head(self.server.redirected, {"Location": self.server.redirects[path], "Content-Length": 0})
        elif path in self.server.files:
            self.serve(self.server.files[path])
        else:
            self.head(404, {"Content-Length": 0})

    def head(self, status, headers):
        self.request_seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def serve(self, content):
        manners = self.server.manners
        if manners.refusals:
            status, headers = manners.refusals.pop(0)
            self.head(status, {**headers, "Content-Length": 0})
            return
        tag = manners.tags if isinstance(manners.tags, str) else f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"Content-Type": "application/octet-stream", **({"ETag": tag} if manners.tags else {})}
        start, status = 0, 200
        asked = self.headers.get("Range")
        fresh = manners.ranges == "any" or self.headers.get("If-Range") in (None, tag)
        if asked and manners.ranges and fresh:
            start, status = int(asked[len("bytes=") : -1]), 206
            start = start - 1 if manners.ranges == "wrong" else start
            if start >= len(content):
                self.head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": 0})
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if manners.lengths:
            headers["Content-Length"] = len(content) - start
        elif manners.chunked:
            self.protocol_version = "HTTP/1.1"
            headers["Transfer-Encoding"] = "chunked"
        self.head(status, headers)
        cut = manners.cuts.pop(0) if manners.cuts else None
        hold = manners.holds.pop(0) if manners.holds else None
        self.close_connection = True
        end = len(content) if cut is None else start + cut
        if hold is not None:
            self.send(content[start : start + hold])
            self.server.go_on.wait()
            start += hold
        self.send(content[start:end])
        if manners.chunked and cut is None:
            self.wfile.write(b"0\r\n\r\n")

    def send(self, data):
        for at in range(0, len(data), 65536):
            piece = data[at : at + 65536]
            if self.server.manners.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            try:
                self.wfile.write(piece)
                self.wfile.flush()
            except OSError:  # the client has left
                return
            self.request_seen.sent += len(data[at : at + 65536])

    def log_message(self, *args):
        """Be silent."""


def serving():
    site = Site()
    thread = threading.Thread(target=site.serve_forever, args=(0.02,))
    thread.start()
    yield site
    site.go_on.set()
    site.shutdown()
    thread.join()
    site.server_close()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    yield from serving()


@pytest.fixture
def storage():
    """A second host, which has the files of the first one's repositories."""
    yield from serving()


@pytest.fixture
def nobody(monkeypatch):
    """The URL of a port that nobody listens at, and nobody else can take meanwhile."""
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def hub(site, monkeypatch, tmp_path):
    """The site as Hugging Face's endpoint, for a user who is not logged in."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return site


@pytest.fixture
def at_once(monkeypatch):
    """Further tries without a pause before them."""
    monkeypatch.setattr(transfer, "PAUSES", (0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "models")


@pytest.fixture(scope="session")
def content():
    """What passes for a model's file, of three megabytes."""
    return b"GGUF" + os.urandom(3_000_000)
