"""What a script and the tools of its agents may use: the one place that decides it.

Files are granted below the folders of `[sandbox] read` and `write`, the script's own and the working directory;
environment variables, hosts and programs by name. What isn't granted raises `SandboxError`, which says what line of
llmspell.toml to change, and by which flag to grant it for once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from llmspell.errors import InvalidRequest, SandboxError
from llmspell.secrets import is_known, names_a_secret

if TYPE_CHECKING:
    from llmspell.config.hosts import GrantedHost
    from llmspell.config.schema import Sections


class Grants:
    """What is granted. Without arguments that is nothing.

    ``read`` and ``write`` are folders; what may be written may be read too. ``env`` has names of variables or
    patterns of them, ``hosts`` and ``private_hosts`` names of hosts or patterns such as ``*.example.org``, both with or
    without a port, ``programs`` names that are looked for on the PATH, or paths.
    """

    def __init__(
        self,
        *,
        read: Iterable[str] = (),
        write: Iterable[str] = (),
        env: Iterable[str] = (),
        hosts: Iterable[str] = (),
        private_hosts: Iterable[str] = (),
        programs: Iterable[str] = (),
    ) -> None:
        self._write = [os.path.realpath(os.path.expanduser(root)) for root in write]
        self._read = [os.path.realpath(os.path.expanduser(root)) for root in read] + self._write
        self._env = tuple(env)
        self._hosts = tuple(hosts)
        self._private_hosts = tuple(private_hosts)
        self._programs = tuple(programs)
        self._private: str | None = None

    @classmethod
    def of(cls, settings: Sections, folder: str | None = None) -> Grants:
        """What `[sandbox]` grants to a script that lies in ``folder``, or to one without a file."""
        sandbox, here = settings.sandbox, os.getcwd()
        return cls(
            read=[here if folder is None else folder, here, *sandbox.read],
            write=[here, *sandbox.write],
            env=sandbox.env,
            hosts=sandbox.hosts,
            private_hosts=sandbox.private_hosts,
            programs=sandbox.programs,
        )

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def readable(self, path: str) -> str:
        """The real path of a file or folder that may be read, with all links resolved.

        Raises:
            SandboxError: it lies elsewhere.
            InvalidRequest: no file can have that name.
        """
        return self._granted(path, self._read, "read")

    def writable(self, path: str) -> str:
        """The real path of a file or folder that may be written, or made.

        Raises:
            SandboxError: it lies elsewhere.
            InvalidRequest: no file can have that name.
        """
        return self._granted(path, self._write, "write")

    def removable(self, path: str) -> str:
        """The path of what may be removed or moved away. A link stays one here: its target must be writable, and stays.

        Raises:
            SandboxError: it lies elsewhere, or it is a granted folder itself, or has one in it.
            InvalidRequest: no file can have that name.
        """
        real = self.writable(path)
        folder, name = os.path.split(path.rstrip(os.sep))
        link = os.path.join(os.path.realpath(folder), name)
        if name not in ("", os.curdir, os.pardir) and os.path.islink(link):
            return os.path.join(self.writable(folder or os.curdir), name)
        if any(_is_below(root, real) for root in self._read):
            raise SandboxError(f"{path}: a folder that the sandbox grants can't be removed or moved")
        return real

    def private(self) -> str:
        """A folder for temporary files, made on first use and readable by nobody else."""
        if self._private is None:
            import tempfile  # 5 ms, and few scripts need it

            self._private = os.path.realpath(tempfile.mkdtemp(prefix="llmspell-"))
            self._read.append(self._private)
            self._write.append(self._private)
        return self._private

    def remove_private(self) -> None:
        """Remove the folder for temporary files."""
        if self._private is not None:
            import shutil

            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None

    def _granted(self, path: str, roots: list[str], key: str) -> str:
        if "\0" in path:
            raise InvalidRequest(f"{path!r}: invalid file name")
        real = os.path.realpath(path)
        if any(_is_below(real, root) for root in roots):
            return real
        folder = os.path.dirname(real) or real
        raise _not_granted(path, folder, key)

    # ── the environment ───────────────────────────────────────────────────────────────────────────────────────────

    def variable(self, name: str) -> str | None:
        """An environment variable; None where it isn't set.

        Raises:
            SandboxError: it isn't granted, or its name is that of a key or a password, which are never shown.
        """
        if _holds_a_key(name):
            raise SandboxError(f"{name}: keys and passwords in the environment are never shown")
        if not self._shows(name):
            raise _not_granted(name, name, "env")
        return os.environ.get(name)

    def variables(self) -> dict[str, str]:
        """All environment variables that are set and granted, by name."""
        return {name: os.environ[name] for name in sorted(os.environ) if self._shows(name) and not _holds_a_key(name)}

    def _shows(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._env)

    # ── hosts and programs ────────────────────────────────────────────────────────────────────────────────────────

    def host(self, url: str) -> GrantedHost:
        """The host of a URL. Before anything is sent, ask it whether the address may be used that its name stands for.

        Raises:
            SandboxError: the host isn't granted.
            InvalidRequest: it isn't the URL of a web server.
        """
        from llmspell.config.hosts import granted_host

        return granted_host(url, self._hosts, self._private_hosts)

    def program(self, name: str) -> str:
        """The path of a program: of the name given, or of a path that is granted.

        Raises:
            SandboxError: it isn't granted, or a granted name isn't on the PATH.
        """
        if name in self._programs and os.path.dirname(name) == "":
            found = _on_path(name)
            if found is None:
                raise SandboxError(f"{name}: there is no such program on the PATH", hint="install it")
            return found
        for granted in self._programs:
            path = os.path.expanduser(granted) if os.path.dirname(granted) else _on_path(granted)
            if path is not None and os.path.dirname(name) and os.path.realpath(name) == os.path.realpath(path):
                return os.path.abspath(path)
        raise _not_granted(name, name, "programs")


def how_to_grant(entry: str, key: str) -> str:
    """What to do about something that isn't granted: the line of llmspell.toml and the flag."""
    flag = key.removesuffix("s").replace("_", "-")  # hosts are granted by --allow-host
    return f'add "{entry}" to `[sandbox] {key}` in llmspell.toml, or run with --allow-{flag} {entry}'


def _not_granted(what: str, entry: str, key: str) -> SandboxError:
    return SandboxError(f"{what}: not granted by the sandbox", hint=how_to_grant(entry, key))


def _holds_a_key(name: str) -> bool:
    """Whether a variable is a secret: by its name, or because the configuration takes a provider's key from it."""
    return names_a_secret(name) or is_known(os.environ.get(name, ""))


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))


def _on_path(name: str) -> str | None:
    from shutil import which

    # A relative entry would let a script put its own program where it may write.
    folders = [folder for folder in os.get_exec_path() if os.path.isabs(folder)]
    return which(name, path=os.pathsep.join(folders))
