"""What is secret: the names that secrets go by, the values that are known, and how texts are freed of both.

The lowest module of all, because errors are freed of secrets when they are made. Whatever leaves the process for
somebody to read goes through `scrubbed`: messages, logs, tracebacks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

HIDDEN = "***"
LEAST = 8
"""Characters. What is shorter stands in too many texts by chance, such as the ``EMPTY`` that some servers take."""


class SecretText:
    """A text that shows itself nowhere: not by ``repr``, ``str``, formatting or pickling. ``reveal()`` gives it.

    As soon as there is one, its text is known to `scrubbed`.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        remember([text])

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, SecretText) else NotImplemented

    def __hash__(self) -> int:
        return hash((SecretText, self._text))

    def __copy__(self) -> SecretText:
        return self

    def __deepcopy__(self, memo: object) -> SecretText:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret can't be pickled")


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Patterns are compiled, and kept by `re`, when they are first used: every command imports this module.
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+"
_SECRET = (
    r"(^|_)("
    r"(?!(monk|turk|donk|hock|jock|whisk)ey|hotkey)[a-z]*key"
    r"|(api|access|secret|private|auth|refresh|session)_(keys|tokens)|apikeys"
    r"|[a-z]*(token|secrets?|passwords?|passwd|passphrase)|(?<=_)pwd|credentials?|authorization|bearer"
    r")(_|$)"
)
_ABOUT = (
    r"_(env|file|path|dir|folder|url|uri|endpoint|host|name|type|format|header|algorithm|bits|size|length|count|limit|"
    r"ms|seconds)$"
)


def names_a_secret(name: str) -> bool:
    """Whether what has this name is a secret: a variable, a key of a configuration, a field of JSON, a header.

    The one rule for all of them. A name is read as words: one of them says secret (``OPENAI_API_KEY``,
    ``AWS_ACCESS_KEY_ID``, ``xApiKey``), and the last doesn't say that it is something about one (``api_key_env``,
    ``first_token_ms``). Parts of words don't count, so that ``max_tokens`` and ``TOKENIZERS_PARALLELISM`` stay what
    they are: a rule that hides too much gets in the way of those who read logs, and the same names that are hidden
    from scripts have to be hidden in what is written down.
    """
    words = "_".join(re.findall(_WORD, name)).lower()
    return bool(re.search(_SECRET, words)) and not re.search(_ABOUT, words)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────

_given: set[str] = set()
_known: set[str] = set()
"""What is taken out of texts: what was given, where it is long enough, in each writing."""
_longest_first: tuple[str, ...] | None = None
_environment_seen = False
_SHAPE = r"(?:sk-|sk_|ghp_|github_pat_|hf_|gsk_|xai-|AIza|AKIA)"
_ANYWHERE = rf"(?<![A-Za-z0-9]){_SHAPE}(?=[\w-]*\d)[\w-]{{12,}}|(?<=Bearer )[\w.~+/=-]{{12,}}"
"""Keys in the midst of a text: with a digit, so that names of things that begin alike stay."""
_WHOLE = rf"(?:{_SHAPE}|Bearer\s)\S{{8,}}"
_URL_PASSWORD = r"(?<=://)[^/@\s]+@"


def remember(texts: Iterable[str]) -> None:
    """Have `scrubbed` take these texts out of all that it sees from now on."""
    global _longest_first
    for text in filter(None, texts):
        _given.add(text)
        if len(text) >= LEAST:
            import json  # every command imports this module, and few have a key
            from urllib.parse import quote

            _known.update((text, json.dumps(text, ensure_ascii=False)[1:-1], quote(text, safe="")))
            _longest_first = None


def remember_named(value: object, name: str = "") -> None:
    """Remember the texts of plain data that are secrets by the names under which they stand."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            remember_named(inner, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            remember_named(inner, name)
    elif isinstance(value, str) and names_a_secret(name):
        remember([value])


def is_known(text: str) -> bool:
    """Whether a text was remembered as a secret, however short it is."""
    return text.strip() in _given


def scrubbed(text: str) -> str:
    """A text in which no known secret stands any more, nothing shaped like a key, and no password of a URL.

    Known are the texts of every `SecretText`, what `remember` was given, and what variables of the environment hold
    whose names say that it is secret.
    """
    global _environment_seen, _longest_first
    if not _environment_seen:  # the first text that goes out may be the only one, and most runs have none
        _environment_seen = True
        remember_named(os.environ)
    if _longest_first is None:
        _longest_first = tuple(sorted(_known, key=len, reverse=True))  # one may stand in another
    for secret in _longest_first:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return re.sub(_URL_PASSWORD, f"{HIDDEN}@", re.sub(_ANYWHERE, HIDDEN, text))


def is_shaped_like_a_key(value: str) -> bool:
    """Whether a value is one that services give out as keys."""
    return bool(re.match(_WHOLE, value))
