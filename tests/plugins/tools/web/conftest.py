"""A web server on loopback, whose pages are functions of the test, and tools that may reach it."""

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmspell import ToolContext
from llmspell.config.sandbox import Grants


class Handler(BaseHTTPRequestHandler):
    """Answers with what the server has for the path: a body, or a function of this handler."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length", 0))
        self.body = self.rfile.read(length)
        self.server.seen.append(self)
        page = self.server.pages.get(self.path.partition("?")[0])
        if callable(page):
            page(self)
        elif page is None:
            self.give("nothing here", status=404)
        else:
            self.give(page)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def give(self, body, status=200, **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"content_type": "text/plain", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def until_they_are_gone(self):
        """Wait for the other side to close the connection."""
        self.server.waiting.set()
        self.connection.recv(1)
        self.server.gone.set()
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.seen = {}, []
        self.waiting, self.gone = threading.Event(), threading.Event()
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def handle_error(self, *_):
        """A client that goes is none."""


@pytest.fixture
def start_server():
    """Start servers, which end with the test."""
    servers = []

    def start():
        server = Server()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(start_server):
    return start_server()


class Names(dict):
    def __init__(self):
        self.asked = []


@pytest.fixture
def names(monkeypatch):
    """What host names stand for, and how often each was looked up: ``names["box.test"] = ["127.0.0.1"]``."""
    known, real = Names(), socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        known.asked.append(host)
        if host not in known:
            return real(host, port, *args, **kwargs)
        return [found for address in known[host] for found in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def ask(tools, server):
    """Run a tool that may reach the server, or what it is granted."""

    def ask(name, arguments, **grants):
        grants = grants or {"private_hosts": [f"127.0.0.1:{server.port}"]}
        return asyncio.run(tools[name].run(arguments, ToolContext(grants=Grants(**grants))))

    return ask
