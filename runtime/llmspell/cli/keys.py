"""``llmspell keys``: the keys that are kept. None is ever printed, and none is taken from the command line."""

from __future__ import annotations

import sys

from llmspell.cli.context import Context
from llmspell.cli.output import as_json, is_terminal, table
from llmspell.config.key_store import KeyStore
from llmspell.config.keys import usable
from llmspell.errors import ProviderUnavailable, UsageError


def put(context: Context) -> int:
    """Keep a key that is typed unseen, or read from stdin where that is no terminal."""
    name = _name(context)
    key = usable(_asked(name), "what was entered")
    where = KeyStore().set(name, key.reveal(), in_keyring=bool(context.given("keyring")))
    print(f"the key for {name} is kept in the {where}", file=sys.stderr)
    return 0


def list_all(context: Context) -> int:
    """Which keys are kept and where; not what they are."""
    rows = [{"name": name, "kept_in": where} for name, where in KeyStore().names().items()]
    if context.given("json"):
        print(as_json(rows))
    elif rows:
        print(table(("NAME", "KEPT IN"), [tuple(row.values()) for row in rows]))
    else:
        print("no key is kept; `llmspell keys set NAME` keeps one", file=sys.stderr)
    return 0


def remove(context: Context) -> int:
    """Forget a key."""
    name, store = context.arguments.name, KeyStore()
    if not store.remove(name):
        known = ", ".join(store.names())
        raise UsageError(f"no key is kept for '{name}'", hint=f"there are keys for: {known}" if known else None)
    print(f"the key for {name} is removed", file=sys.stderr)
    return 0


def _name(context: Context) -> str:
    """The configured name of the provider; one that nobody has is taken too, since it may be configured later."""
    name: str = context.arguments.name
    try:
        return context.hub.find(name)
    except ProviderUnavailable as error:
        hint = f" ({error.hint})" if error.hint and error.hint.startswith("did you mean") else ""
        print(f"warning: no provider is called '{name}' so far{hint}", file=sys.stderr)
        return name


def _asked(name: str) -> str:
    if sys.stdin is None:
        raise UsageError("there is no stdin to read a key from")
    if is_terminal(sys.stdin):
        from getpass import getpass

        text = getpass(f"key for {name} (not shown): ")
    else:
        text = sys.stdin.read()
    if not text.strip():
        raise UsageError("no key was entered")
    return text
