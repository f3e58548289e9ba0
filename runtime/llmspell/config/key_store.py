"""The keys that ``llmspell keys set`` keeps: a file that only its owner may read, or the keyring of the system.

The file is JSON, ``{"openai": {"key": "…"}, "groq": {"keyring": true}}``: it has a line for every key, also for those
that lie in the keyring, so that nobody asks the keyring about a key that isn't there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec

from llmspell.config import keyring
from llmspell.config.paths import folder
from llmspell.errors import ConfigError, StorageError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

NAME: Final = "keys.json"
OTHERS: Final = 0o077
"""The rights of everybody but the owner."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file says of one key."""

    key: str | None = None
    keyring: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A key that is kept, and where."""

    text: str = field(repr=False)
    origin: str


def default_path() -> str:
    """Where the file of keys is."""
    return os.path.join(folder("config"), NAME)


def _say(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


class KeyStore:
    """The file at ``path``; ``warn`` is told where others could read it."""

    def __init__(self, path: str | None = None, warn: Callable[[str], None] = _say) -> None:
        self.path = path or default_path()
        self._warn = warn

    def get(self, name: str) -> Stored | None:
        """The key that is kept under a name.

        Raises:
            ConfigError: the file or the keyring can't be read, or somebody else could write the file.
        """
        entry = self._read().get(name)
        if entry is None:
            return None
        if entry.keyring:
            text = keyring.get(name)
            return None if text is None else Stored(text, keyring.ORIGIN)
        return Stored(entry.key or "", f"file {self.path}")

    def names(self) -> dict[str, str]:
        """The names under which keys are kept, in order, and where each is; raises as `get` does. Asks no keyring."""
        entries = sorted(self._read().items())
        return {name: keyring.ORIGIN if entry.keyring else f"file {self.path}" for name, entry in entries}

    def set(self, name: str, text: str, *, in_keyring: bool = False) -> str:
        """Keep a key under a name, in place of the one that was; gives where it is now.

        Raises:
            ConfigError: as `get`. StorageError: it can't be written.
        """
        with self._changed() as entries:
            if in_keyring:
                keyring.put(name, text)
            elif name in entries and entries[name].keyring:
                keyring.delete(name)
            entries[name] = Entry(keyring=True) if in_keyring else Entry(key=text)
        return self.names()[name]

    def remove(self, name: str) -> bool:
        """Forget a key; False if none was kept. Raises as `set` does."""
        with self._changed() as entries:
            entry = entries.pop(name, None)
            if entry is not None and entry.keyring:
                keyring.delete(name)
        return entry is not None

    # ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> dict[str, Entry]:
        try:
            with open(self.path, "rb") as stream:
                self._keep_private(stream.fileno())
                content = stream.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"cannot read the keys in {self.path}: {error.strerror}") from None
        try:
            return msgspec.json.decode(content, type=dict[str, Entry])
        except (msgspec.DecodeError, UnicodeDecodeError):  # its text stays unsaid: there are keys in it
            raise ConfigError(
                f"the file of keys {self.path} is damaged",
                hint="remove it, and enter the keys again with `llmspell keys set NAME`",
            ) from None

    def _keep_private(self, descriptor: int) -> None:
        """Take the rights of others away; where that can't be done the file isn't used."""
        if not hasattr(os, "geteuid"):
            return
        status = os.fstat(descriptor)
        if status.st_uid not in (os.geteuid(), 0):
            raise ConfigError(
                f"the file of keys {self.path} belongs to somebody else, and isn't used",
                hint=f"make it yours: chown {os.geteuid()} {self.path}",
            )
        if not status.st_mode & OTHERS:
            return
        try:
            os.fchmod(descriptor, status.st_mode & 0o700)
        except OSError as error:
            raise ConfigError(
                f"others can read the keys in {self.path}, and that can't be changed: {error.strerror}",
                hint=f"chmod 600 {self.path}, and get new keys if others use this machine",
            ) from None
        self._warn(
            f"others could read the keys in {self.path} (its mode was {status.st_mode & 0o777:o}); now only you can. "
            "Get new keys if others use this machine"
        )

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Entry]]:
        """The entries, to change; written back as a whole while nobody else changes them."""
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with self._alone():
                entries = self._read()
                before = dict(entries)
                yield entries
                if entries != before:
                    self._write(msgspec.json.format(msgspec.json.encode(entries)))
        except OSError as error:
            raise StorageError(
                f"cannot write the keys to {self.path}: {error.strerror}",
                hint="look at the rights of its folder and the space on its disk, or set LLMSPELL_HOME",
            ) from None

    def _write(self, content: bytes) -> None:
        target = os.path.realpath(self.path)
        part = f"{target}.part"
        if os.path.exists(part):  # a crash left it there: whoever writes is alone
            os.unlink(part)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, target)
        except BaseException:
            os.unlink(part)
            raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
