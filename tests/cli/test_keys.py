"""The verb ``llmspell keys``, by the real command."""

import json
import os
import pty
import subprocess
import sys

import pytest

from llmspell.testing.plugin_files import write_plugin

KEY = "planted-key-of-no-shape"


def test_a_key_from_stdin_is_kept_and_never_shown(llmspell):
    done = llmspell("keys", "set", "shop", stdin=f"{KEY}\n")
    path = llmspell.home / "config" / "keys.json"
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"the key for shop is kept in the file {path}\n"
    assert json.loads(path.read_text()) == {"shop": {"key": KEY}}
    listed = llmspell("keys", "list")
    assert listed.stdout.split() == ["NAME", "KEPT", "IN", "shop", "file", str(path)]
    (row,) = json.loads(llmspell("keys", "list", "--json").stdout)
    assert row == {"name": "shop", "kept_in": f"file {path}"}
    assert KEY not in listed.stdout + listed.stderr
    assert llmspell("keys", "remove", "shop").returncode == 0
    assert llmspell("keys", "list").stderr == "no key is kept; `llmspell keys set NAME` keeps one\n"
    assert json.loads(path.read_text()) == {}


def test_a_key_on_the_command_line_is_refused_and_not_repeated(llmspell):
    for words in (("shop", KEY), ("shop", "--key", KEY), ("shop", f"--key={KEY}"), ("shop", "a", KEY)):
        done = llmspell("keys", "set", *words, stdin="x")
        assert done.returncode == 2
        assert KEY not in done.stdout + done.stderr
    assert not (llmspell.home / "config" / "keys.json").exists()


@pytest.mark.parametrize(
    ("words", "stdin", "code", "says"),
    [
        (("set", "shop"), " \n", 2, "no key was entered"),
        (("set", "shop"), "two words", 3, "can't be a key"),
        (("remove", "shop"), None, 2, "no key is kept for 'shop'"),
        (("set",), "x", 2, "needs NAME"),
    ],
)
def test_mistakes(llmspell, words, stdin, code, says):
    done = llmspell("keys", *words, stdin=stdin)
    assert done.returncode == code
    assert says in done.stderr
    assert "two words" not in done.stderr


def test_a_provider_that_nobody_has_is_warned_of(llmspell):
    done = llmspell("keys", "set", "shp", stdin=KEY)
    assert done.returncode == 0
    assert "no provider is called 'shp' so far (did you mean 'shop'?)" in done.stderr


def test_on_a_terminal_it_is_typed_unseen(llmspell):
    """A real terminal: what is typed there is echoed unless the command switches that off."""
    terminal, inner = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "llmspell", "keys", "set", "shop"],
        cwd=llmspell.cwd,
        env=llmspell.environment({}),
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    while b"not shown" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, f"{KEY}\n".encode())
    while True:
        try:
            more = os.read(terminal, 1000)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(terminal)
    assert child.wait(60) == 0
    assert KEY.encode() not in shown
    assert b"kept in the file" in shown
    assert json.loads((llmspell.home / "config" / "keys.json").read_text()) == {"shop": {"key": KEY}}


def test_the_doctor_says_which_key_a_provider_uses(llmspell, tmp_path):
    plugin = (
        "from llmspell import Provider, ProviderSpec, hookimpl\n"
        "from llmspell.keys import key_for\n"
        "def make(settings):\n"
        '    key_for(settings.name, "VAULT_KEY", settings=settings)\n'
        "    return Provider()\n"
        "@hookimpl\n"
        "def llmspell_providers():\n"
        '    return [ProviderSpec("vault", make)]\n'
    )
    write_plugin(tmp_path / "plugins", "vault", plugin)
    llmspell("keys", "set", "vault", stdin=KEY)
    for env, origin in (({}, f"file {llmspell.home}/config/keys.json"), ({"VAULT_KEY": KEY}, "environment VAULT_KEY")):
        done = llmspell("doctor", env={"LLMSPELL_PLUGINS": "vault", **env})
        (line,) = [line for line in done.stdout.splitlines() if "provider vault" in line]
        assert line.endswith(f"key of the {origin}")
        assert KEY not in done.stdout + done.stderr
