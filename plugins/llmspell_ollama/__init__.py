"""Models of an Ollama server, on this machine or another one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from llmspell import Command, ProviderSpec, hookimpl


def _make(settings: Mapping[str, Any]) -> Any:
    from llmspell_ollama.provider import OllamaProvider  # on first use: registering must cost nothing

    return OllamaProvider(settings)


@hookimpl
def llmspell_providers() -> Iterable[ProviderSpec]:
    """The provider ``ollama``, which ``local/…`` tries first."""
    return [
        ProviderSpec(
            name="ollama",
            factory=_make,
            kind="local",
            rank=100,
            extra="ollama",
            settings={
                "host": str,
                "api_key_env": str,
                "keep_alive": (str, float),
                "context_length": int,
                "parallel": int,
                "local_only": bool,
                "auto_start": bool,
                "connect_timeout": float,
                "load_timeout": float,
                "silence_timeout": float,
            },
        )
    ]


def _configure_install(parser: ArgumentParser) -> None:
    from llmspell_ollama import installing

    installing.configure(parser)


def _install(arguments: Namespace) -> int:
    from llmspell_ollama import installing

    return installing.run(arguments)


@hookimpl
def llmspell_commands() -> Iterable[Command]:
    """The command ``llmspell model install-ollama``."""
    help = "print the command that installs Ollama, or run it with --yes"
    return [Command("model install-ollama", help, _install, _configure_install)]
