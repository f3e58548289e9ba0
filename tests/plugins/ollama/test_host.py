"""Where the server is, in every form that Ollama's own programs accept."""

import os
import subprocess
import sys

import pytest

from llmspell.errors import ConfigError
from llmspell_ollama.host import parse

HOME = "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, HOME),
        ("", HOME),
        ("   ", HOME),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("1.2.3.4:8080", "http://1.2.3.4:8080"),
        (":8080", "http://127.0.0.1:8080"),
        (":", HOME),
        ("box", "http://box:11434"),
        ("box:", "http://box:11434"),
        ("my_box.local:80", "http://my_box.local:80"),
        ("http://box", "http://box:80"),
        ("https://box", "https://box:443"),
        ("HTTPS://box", "https://box:443"),
        ("https://box:8443", "https://box:8443"),
        ("http://", "http://127.0.0.1:80"),
        # what a shell or a file leaves around it
        ("  box:1  ", "http://box:1"),
        ('"box:1"', "http://box:1"),
        ("'http://box:1'", "http://box:1"),
        ('" box:1 "', "http://box:1"),
        # a port that is none
        ("box:abc", "http://box:11434"),
        ("box:99999", "http://box:11434"),
        ("box:-1", "http://box:11434"),
        ("box:0", "http://box:11434"),
        ("box:٣", "http://box:11434"),
        ("https://box:abc", "https://box:443"),
        ("http://localhost:abc", "http://localhost:80"),
        # a server that listens everywhere is reached on this machine
        ("0.0.0.0", HOME),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("::", "http://[::1]:11434"),
        # IPv6
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::5]/x", "https://[2001:db8::5]:443/x"),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:11434"),
        # below a path
        ("box/", "http://box:11434"),
        ("box/ollama", "http://box:11434/ollama"),
        ("https://box/a/b/", "https://box:443/a/b"),
        ("https://box//a//b", "https://box:443/a/b"),
        # the cloud
        ("ollama.com", "https://ollama.com:443"),
        ("https://ollama.com", "https://ollama.com:443"),
        ("ollama.com:80", "http://ollama.com:80"),
    ],
)  # fmt: skip
def test_forms(text, url):
    assert parse(text).url == url
    assert str(parse(text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "LOCALHOST:1",
        "a.localhost",
        "localhost.",
        "127.0.0.2",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
    ],
)
def test_this_machine(text):
    assert parse(text).loopback


@pytest.mark.parametrize(
    "text", ["box", "192.168.0.2", "2001:db8::5", "localhost.example.com", "notlocalhost", "https://ollama.com"]
)
def test_another_machine(text):
    assert not parse(text).loopback


def test_what_a_connection_is_made_to():
    host = parse("https://[2001:db8::5]/x")
    assert (host.name, host.port, host.secure) == ("2001:db8::5", 443, True)
    assert not parse("box").secure


@pytest.mark.parametrize(
    "text", ["unix:///run/ollama.sock", "ftp://box", "://box", "a b", "box?x", "http://box/a b", "[::1", "box:1:2"]
)
def test_what_no_server_can_be_at(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "Ollama's host" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", ["me:secret@box", "http://me:secret@box:80", "https://secret@box/x"])
def test_a_password_is_refused_and_not_shown(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert "OLLAMA_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    "strange",
    [
        {"OLLAMA_HOST": "http://localhost:abc"},
        {"OLLAMA_HOST": "localhost:99999"},
        {"OLLAMA_HOST": "::1"},
        {"OLLAMA_API_KEY": "k\u00e9y"},
        {"ALL_PROXY": "socks5h://127.0.0.1:9"},
        {"http_proxy": "nonsense://127.0.0.1:9"},
        {"SSL_CERT_FILE": "/nonexistent"},
    ],
    ids=lambda one: " ".join(one),
)
def test_the_client_can_be_imported_whatever_the_environment_says(strange):
    """The package makes a client while it is imported, of these variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OLLAMA_")}
    ours = """
import asyncio, os, sys
from llmspell.errors import ProviderUnavailable
from llmspell_ollama.connection import Connection
from llmspell_ollama.settings import read
before = dict(os.environ)
assert "ollama" not in sys.modules
try:
    asyncio.run(Connection(read({"host": "127.0.0.1:1"}, {})).ask("GET", "/"))
except ProviderUnavailable as error:
    print(error.message)
assert "ollama" in sys.modules
assert dict(os.environ) == before
"""
    environment = {**plain, **strange, "PYTHONUTF8": "1"}
    run = {"env": environment, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", ours], **run)
    assert (done.stdout, done.stderr) == ("cannot reach Ollama at http://127.0.0.1:1 (connection refused)\n", "")
    theirs = subprocess.run([sys.executable, "-c", "import ollama"], **run)
    assert theirs.returncode, "the package can be imported by now: nothing needs to be hidden from it"
