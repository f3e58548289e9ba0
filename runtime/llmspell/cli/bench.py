"""``llmspell bench``: how models run on this machine, each measured in a fresh process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from llmspell.cli.bench_table import Failure, Measured, footnote, headings, rows, title
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, table
from llmspell.errors import ProviderCrashed, UsageError

AGENTS: Final = 4
GRACE_SECONDS: Final = 3.0
"""How long a measured process may take to stop."""

_PROCESS: Final = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from llmspell.cli.bench_run import main
main(sys.argv[2:])
"""


def measure(context: Context) -> int:
    """Measure every model named, or the default one; the exit code is the worst of theirs.

    Raises:
        UsageError: no number of agents.
        ConfigError: the settings can't be read.
    """
    agents = AGENTS if context.given("agents") is None else context.given("agents")
    if agents < 1:
        raise UsageError(f"--agents {agents}: there must be one at least", hint="`llmspell help bench`")
    specs = context.given("models") or [context.settings.models.default]
    shared = {name: context.given(name) for name in ("config", "remap", "verbose", "log_level", "debug")}
    measured = [_measure(spec, agents, shared) for spec in specs]
    if context.given("json"):
        print(as_json(measured))
    else:
        print(table(("", "TARGET AT 7B", *headings(measured)), rows(measured)))
        print(f"\n{footnote(measured)}")
    failures = [(one.model, one.error) for one in measured if one.error]
    for spec, failure in failures:
        print(f"error: {spec}: {failure.message}", file=sys.stderr)
        if failure.hint:
            print(f"hint: {failure.hint}", file=sys.stderr)
    return max((failure.exit_code for _, failure in failures), default=0)


def _measure(spec: str, agents: int, shared: dict[str, Any]) -> Measured:
    found = Measured(spec, agents=agents)
    stage = "load_seconds"
    began = time.perf_counter()
    with _process({"spec": spec, "agents": agents, **shared}) as child:
        assert child.stdout is not None
        for line in child.stdout:
            told = json.loads(line)
            if "first_token" in told:
                found.cold_start_seconds = time.perf_counter() - began
            if "doing" in told:
                stage = told["doing"]
                print(f"{spec}: {title(stage, agents)} …", file=sys.stderr, flush=True)
            for name, value in told.get("figures", {}).items():
                setattr(found, name, value)
            if "failed" in told:
                found.error = Failure(stage, **told["failed"])
        code = child.wait()
    if code != 0 and found.error is None:
        found.error = _died(stage, code)
    return found


@contextmanager
def _process(given: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The process that measures, with our own path to modules. Ctrl-C comes to us alone, and we stop it."""
    command = [sys.executable, "-c", _PROCESS, json.dumps(sys.path), json.dumps(given)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                try:
                    child.wait(GRACE_SECONDS)
                except (subprocess.TimeoutExpired, KeyboardInterrupt):
                    child.kill()


def _died(stage: str, code: int) -> Failure:
    if code > 0:
        message = f"the process that measured it ended with exit code {code}; what it said stands above"
        return Failure(stage, "fault", message, "this is a fault in llmspell or in a plugin", 1)
    name = signal.Signals(-code).name
    memory = "the system may have run out of memory: " if name == "SIGKILL" else ""
    return Failure(
        stage,
        "provider_crashed",
        f"the process that ran it was ended by {name}",
        f"{memory}try a smaller model, or a smaller context_length",
        ProviderCrashed.exit_code,
    )
