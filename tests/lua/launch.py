"""Runs a script as a process of its own: ``launch.py OPTIONS SCRIPT [ARGUMENT…]``, with OPTIONS as JSON."""

import json
import sys

from llmspell.config import load
from llmspell.leaving import leave
from llmspell.lua.runner import run_file
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginHost

options = json.loads(sys.argv[1])
flags = {key: ("test", value) for key, value in options.get("settings", {}).items()}
session = Session(load(flags=flags), PluginHost({}, points=[]), script=sys.argv[2], arguments=sys.argv[3:])
leave(run_file(sys.argv[2], session, timeout=options.get("timeout")))
