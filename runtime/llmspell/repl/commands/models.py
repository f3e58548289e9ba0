"""Commands about models: which there are, fetching one, and how providers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell.errors import UsageError
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.providers.contract import ModelInfo
    from llmspell.repl.shell import Shell


@command(".models", "[PROVIDER|available]", "list the models that are here, or that `.pull` knows", group="models")
def models(shell: Shell, words: str) -> None:
    """Of all local providers, or of the one that is named."""
    from llmspell.cli import model_names
    from llmspell.cli.models import NO_PULLS, listing

    async def work() -> list[ModelInfo]:  # the hub is made in the console's thread: nobody else makes another one
        hub = shell.session.hub
        return await (hub.available() if words == "available" else hub.models(words or None))

    found = shell.wait(work())
    if words == "available":
        shell.say(listing(found) if found else NO_PULLS)
        return
    if not words:
        model_names.write(found)
    if found:
        shell.say(listing(found))
    else:
        none = f"{words} has no model" if words else "there is no model yet"
        shell.say(f"{none}: `.models available` lists some, `.pull smollm2:135m` fetches a small one")


@command(
    ".pull",
    "MODEL [QUANTIZATION]",
    "fetch a model; Ctrl-C stops, and the next time goes on",
    group="models",
    takes="available",
)
def pull(shell: Shell, words: str) -> None:
    """By its name, or as `hf:owner/repo`, or from a URL."""
    from llmspell.cli.pulling import fetch

    spec, *rest = words.split()
    if len(rest) > 1:
        raise UsageError(f"'{' '.join(rest)}' is no quantization", hint="such as `.pull hf:owner/repo Q4_K_M`")

    async def work() -> tuple[str, bool]:
        return await fetch(shell.session.hub, spec, rest[0] if rest else None)

    try:
        name, fetched = shell.wait(work())
    except KeyboardInterrupt:
        shell.warn("the pull was stopped", f"`.pull {words}` goes on with what has come")
        return
    shell.say(f"{name} is {'pulled' if fetched else 'already here'}")


@command(".status", "", "say how each provider is", group="models")
def status(shell: Shell, words: str) -> None:
    """What is wrong with one stands below the table."""
    from llmspell.cli.models import statuses

    async def work() -> tuple[str, list[str]]:
        hub = shell.session.hub
        return statuses(await hub.status(), hub.specs(), shell.settings)

    shown, remarks = shell.wait(work())
    shell.say("\n".join((shown, *remarks)))
