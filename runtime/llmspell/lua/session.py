"""A session: what one run of llmspell has at hand, and hands to the ops of Lua modules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.agents.registry import Registry
    from llmspell.agents.tools.toolbox import Toolbox
    from llmspell.config.sandbox import Grants
    from llmspell.config.settings import Settings
    from llmspell.lua.functions import Functions
    from llmspell.plugins.host import PluginHost
    from llmspell.providers.hub import Hub


class Session:
    """Settings, plugins and the hub, with the script that they serve.

    ``script`` is the script's path, ``arguments`` what follows it on the command line, ``model`` the model of an
    agent that names none.
    """

    def __init__(
        self,
        settings: Settings,
        plugins: PluginHost,
        *,
        script: str | None = None,
        arguments: Sequence[str] = (),
        model: str | None = None,
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.script = script
        self.arguments = tuple(arguments)
        self.model = model or settings.models.default
        self.debug = False
        self.functions: Functions
        """The way back into the script, set by the run."""
        self.folder: str | None = None
        """The folder of the script's file, set by the run."""
        self._grants: Grants | None = None
        self._hub: Hub | None = None
        self._toolbox: Toolbox | None = None
        self._agents: Registry | None = None

    @property
    def grants(self) -> Grants:
        """What the script may use, and the tools of its agents; the working directory is looked at on first use."""
        if self._grants is None:
            from llmspell.config.sandbox import Grants

            self._grants = Grants.of(self.settings, self.folder)
        return self._grants

    @property
    def hub(self) -> Hub:
        """The hub, made on first use: most of what it imports no one-line script needs."""
        if self._hub is None:
            from llmspell.providers.hub import Hub

            self._hub = Hub(self.plugins, self.settings)
        return self._hub

    @property
    def has_hub(self) -> bool:
        """Whether anything has asked for the hub yet."""
        return self._hub is not None

    @property
    def toolbox(self) -> Toolbox:
        """The tools of plugins and of the script, found on first use."""
        if self._toolbox is None:
            from llmspell.agents.tools.toolbox import Toolbox
            from llmspell.plugins.tool_context import ToolContext

            context = ToolContext(self.settings, self.grants)
            self._toolbox = Toolbox(self.plugins.tools, context, self.settings.tools.timeout)
        return self._toolbox

    @property
    def has_toolbox(self) -> bool:
        """Whether anything has asked for the toolbox yet."""
        return self._toolbox is not None

    @property
    def agents(self) -> Registry:
        """The agents of this run, with the defaults of the configuration."""
        if self._agents is None:
            from llmspell.agents.config import Defaults
            from llmspell.agents.registry import Registry
            from llmspell.agents.skills.folders import skill_folders

            defaults = Defaults.of(self.settings, self.model)
            folders = partial(skill_folders, self.script)
            self._agents = Registry(self.hub, defaults, lambda: self.toolbox, folders)
        return self._agents
