"""A REPL without its prompt: commands and inputs are handed to it."""

from argparse import Namespace
from contextlib import contextmanager

from llmspell.cli.context import Context
from llmspell.cli.programs import terminal_session
from llmspell.lua import api
from llmspell.plugins.host import PluginHost
from llmspell.repl import chat, registry
from llmspell.repl.shell import Shell
from llmspell.testing import scripted_plugin


@contextmanager
def opened(*providers, mode="lua", shell=Shell, **arguments):
    """A shell whose only providers are these; the model is ``model`` of the first. ``arguments`` are flags."""
    context = Context()
    first = f"{providers[0].name}/model" if providers else None
    context.arguments = Namespace(**{"model": first, "no_log": True, **arguments})
    plugins = {provider.name: scripted_plugin(provider, kind="local") for provider in providers}
    context._plugins = PluginHost({"lua": api, **plugins}, points=[])
    made = shell(context, terminal_session(context, "repl"), mode=mode)
    made.console.start()
    try:
        yield made
    finally:
        made.console.close()


def do(shell, *lines):
    """Hand in inputs as the prompt would; errors of commands are raised."""
    for line in lines:
        if registry.is_command(line):
            registry.carry_out(shell, line)
        elif shell.mode == "chat":
            chat.talk(shell, line)
        else:
            shell.run(line)
        shell.watch.look()
