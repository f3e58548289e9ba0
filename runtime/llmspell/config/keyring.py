"""The keyring of the system (Keychain, Secret Service, KWallet, Windows' credentials), by the package `keyring`."""

from __future__ import annotations

from typing import Any, Final

from llmspell.errors import ConfigError

SERVICE: Final = "llmspell"
ORIGIN: Final = "system keyring"


def get(name: str) -> str | None:
    """The key that the keyring has under a name.

    Raises:
        ConfigError: there is no keyring here, or it can't be asked. So do the others.
    """
    found = _asked("read", "get_password", SERVICE, name)
    return None if found is None else str(found)


def put(name: str, text: str) -> None:
    """Put a key into the keyring."""
    _asked("write", "set_password", SERVICE, name, text)


def delete(name: str) -> None:
    """Take a key out of the keyring; one that is gone already is no error."""
    if get(name) is not None:
        _asked("write", "delete_password", SERVICE, name)


def _asked(doing: str, function: str, *arguments: str) -> Any:
    try:
        import keyring  # 40 ms and more, and few use it
    except ImportError:
        raise ConfigError(
            "the system's keyring needs a package that is not installed",
            hint="pip install 'llmspell[keyring]', or keep the key in a file: `llmspell keys set` without --keyring",
        ) from None
    try:
        return getattr(keyring, function)(*arguments)
    except Exception as error:  # noqa: BLE001 - backends raise anything; without its text, where the key may be
        raise ConfigError(
            f"cannot {doing} the system's keyring ({type(error).__name__})",
            hint="unlock it, or keep the key in a file: `llmspell keys set` without --keyring",
        ) from None
