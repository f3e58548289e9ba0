"""What happens when a plugin is imported and asked for its providers, watched in a process of its own."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from typing import TypedDict

from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import ProviderSpec

HEAVY = (
    "aiohttp",
    "anthropic",
    "asyncio",
    "google.genai",
    "httpx",
    "huggingface_hub",
    "importlib.metadata",
    "jsonschema",
    "litellm",
    "llama_cpp",
    "numpy",
    "ollama",
    "openai",
    "pydantic",
    "requests",
    "rich",
    "torch",
    "transformers",
    "xllamacpp",
)
"""Modules that cost a one-line script more than all of its own work."""


class Findings(TypedDict):
    """Heavy modules after the import and after the hook, providers whose factory ran, and what was contacted."""

    imported: list[str]
    registered: list[str]
    called: list[str]
    contacted: list[str]


_WATCH = """
import json, sys

plugin, heavy = json.loads(sys.argv[1])
contacted, called = [], set()
OUTSIDE = {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "urllib.Request"}
sys.addaudithook(lambda event, arguments: contacted.append(event) if event in OUTSIDE else None)
from llmspell.plugins.host import PluginHost

before = set(sys.modules)
module = __import__(plugin, fromlist=["_"])
imported = set(sys.modules) - before
host = PluginHost({"checked": module}, points=(), warn=lambda line: sys.exit(line))
sys.setprofile(lambda frame, event, argument: called.add(frame.f_code) if event == "call" else None)
specs = host.providers()
sys.setprofile(None)
registered = set(sys.modules) - before - imported


def code(factory):
    function = factory.__init__ if isinstance(factory, type) else getattr(factory, "func", factory)
    return getattr(function, "__code__", None)


print(json.dumps({
    "imported": sorted(imported & set(heavy)),
    "registered": sorted(registered & set(heavy)),
    "called": sorted({spec.name for spec in specs.values() if code(spec.factory) in called}),
    "contacted": sorted(set(contacted)),
}))
"""


@functools.cache
def inspect(plugin: str, heavy: tuple[str, ...]) -> Findings:
    """Import a plugin's module and call its `llmspell_providers` in a child process, and say what that did.

    Raises:
        AssertionError: the plugin can't be imported or registered.
    """
    bootstrap = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n{_WATCH}"
    command = [sys.executable, "-c", bootstrap, json.dumps([plugin, heavy])]
    child = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if child.returncode:
        raise AssertionError(f"plugin module '{plugin}' can't be loaded:\n{child.stderr}")
    findings: Findings = json.loads(child.stdout.splitlines()[-1])
    return findings


def spec_of(plugin: str, name: str | None = None) -> ProviderSpec:
    """The spec that a plugin's module registers; ``name`` picks one of several.

    Raises:
        AssertionError: the module registers no such provider, or can't be registered.
    """
    problems: list[str] = []
    specs = PluginHost({"checked": importlib.import_module(plugin)}, points=(), warn=problems.append).providers()
    assert not problems, "\n".join(problems)
    found = [spec for key, spec in specs.items() if key == spec.name and name in (None, key)]
    assert len(found) == 1, f"{plugin} registers {sorted(specs)}: say which one by `spec_name`"
    return found[0]
