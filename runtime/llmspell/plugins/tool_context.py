"""What a tool may use while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.config.hosts import GrantedHost
    from llmspell.config.sandbox import Grants
    from llmspell.config.schema import Sections


class ToolContext:
    """Handed to a tool with its arguments: the settings, and what `[sandbox]` grants.

    A tool that touches files, the environment, hosts or programs asks here, with the name that it was given, and uses
    what it gets. Without ``settings`` the defaults hold; without ``grants``, what they grant to a program that has no
    file.
    """

    __slots__ = ("_grants", "_settings")

    def __init__(self, settings: Sections | None = None, grants: Grants | None = None) -> None:
        if settings is None:
            from llmspell.config.settings import Settings

            settings = Settings()
        if grants is None:
            from llmspell.config.sandbox import Grants

            grants = Grants.of(settings)
        self._settings = settings
        self._grants = grants

    @property
    def settings(self) -> Sections:
        """All sections of llmspell.toml, with every layer applied."""
        return self._settings

    def readable(self, path: str) -> str:
        """The real path of a file or folder that may be read, with all links resolved.

        Raises:
            SandboxError: it lies elsewhere.
            InvalidRequest: no file can have that name.
        """
        return self._grants.readable(path)

    def writable(self, path: str) -> str:
        """The real path of a file or folder that may be written, or made.

        Raises:
            SandboxError: it lies elsewhere.
            InvalidRequest: no file can have that name.
        """
        return self._grants.writable(path)

    def removable(self, path: str) -> str:
        """The path of what may be removed or moved away; a link stays one.

        Raises:
            SandboxError: it lies elsewhere, or it is a granted folder itself, or has one in it.
            InvalidRequest: no file can have that name.
        """
        return self._grants.removable(path)

    def variable(self, name: str) -> str | None:
        """An environment variable; None where it isn't set.

        Raises:
            SandboxError: it isn't granted, or its name is that of a key or a password.
        """
        return self._grants.variable(name)

    def variables(self) -> dict[str, str]:
        """All environment variables that are set and granted, by name."""
        return self._grants.variables()

    def host(self, url: str) -> GrantedHost:
        """The host of a URL, which then says of an address whether it may be connected to.

        Raises:
            SandboxError: the host isn't granted.
            InvalidRequest: it isn't the URL of a web server.
        """
        return self._grants.host(url)

    def program(self, name: str) -> str:
        """The path of a program.

        Raises:
            SandboxError: it isn't granted, or a granted name isn't on the PATH.
        """
        return self._grants.program(name)
