"""The OTEL_* variables decide whether and where telemetry goes; the real command and a collector on loopback."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmspell.providers.telemetry.exporting import is_wanted
from llmspell.testing.plugin_files import write_plugin

ECHO = """\
from llmspell import Finish, Provider, ProviderSpec, TextDelta, Usage, hookimpl

class Echo(Provider):
    name = "echo"

    async def chat(self, request):
        yield TextDelta("hello")
        yield Finish("stop", request.model.id, Usage(7, 1))

@hookimpl
def llmspell_providers():
    return [ProviderSpec("echo", lambda settings: Echo(), kind="local", rank=95)]
"""
ASK = 'print(Agent.create{ name = "keeper", model = "echo/loud" }:execute("a private question").text)'


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_TRACES_EXPORTER": ""}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://box:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://box:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_only_variables_that_name_a_collector_switch_it_on(environ, wanted):
    assert is_wanted(environ) is wanted


@pytest.fixture
def program(tmp_path):
    """Run the real command on a provider of its own: ``program({variable: value}, "code")``."""
    write_plugin(tmp_path / "plugins", "echo", ECHO)

    def run(env, code=ASK):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("LLMSPELL_", "OTEL_"))}
        own = {"LLMSPELL_HOME": str(tmp_path), "LLMSPELL_PLUGINS": "echo", "PYTHONPATH": str(tmp_path / "plugins")}
        return subprocess.run(
            [sys.executable, "-m", "llmspell", "exec", code],
            cwd=tmp_path, env={**plain, **own, **env}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


def test_nothing_of_opentelemetry_is_imported_unless_it_is_wanted(program):
    done = program({"PYTHONVERBOSE": "1"})
    assert done.stdout == "hello\n"
    assert "import 'llmspell.providers.hub'" in done.stderr
    assert "import 'opentelemetry" not in done.stderr


def test_on_the_console(program):
    pytest.importorskip("opentelemetry.sdk")
    done = program({"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none"})
    assert done.returncode == 0
    assert done.stdout.startswith("hello\n")
    assert '"name": "chat loud"' in done.stdout
    assert '"name": "invoke_agent keeper"' in done.stdout
    assert "private" not in done.stdout


class Collector(BaseHTTPRequestHandler):
    got: list = []  # noqa: RUF012 - one server a test, and each has a class of its own

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, self.headers.get("x-key"), body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_to_a_collector_before_the_process_ends(program):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    own = type("Own", (Collector,), {"got": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = program(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-key=planted",
                "OTEL_SERVICE_NAME": "my-poems",
            }
        )
    finally:
        server.shutdown()
        server.server_close()
    assert (done.stdout, done.stderr) == ("hello\n", "")
    sent = {path: body for path, key, body in own.got if key == "planted"}
    assert set(sent) == {"/v1/traces", "/v1/metrics"}
    for name in (b"my-poems", b"chat loud", b"invoke_agent keeper", b"invoke_workflow"):
        assert name in sent["/v1/traces"]
    assert b"gen_ai.client.token.usage" in sent["/v1/metrics"]
    assert b"private" not in b"".join(sent.values())


def test_a_collector_that_is_not_there_costs_a_second_at_most(program):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    done = program({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert (done.returncode, done.stdout) == (0, "hello\n")


def test_an_exporter_that_nobody_has_is_named(program):
    pytest.importorskip("opentelemetry.sdk")
    done = program({"OTEL_TRACES_EXPORTER": "pigeon", "OTEL_METRICS_EXPORTER": "none"})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr == "warning: no traces go to the OpenTelemetry exporter 'pigeon': no installed package has it\n"


def test_without_the_package_the_run_goes_on_and_says_so(program, tmp_path):
    (tmp_path / "plugins" / "sitecustomize.py").write_text("import sys\nsys.modules['opentelemetry'] = None\n")
    done = program({"OTEL_TRACES_EXPORTER": "console"})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "pip install 'llmspell[otel]'" in done.stderr


def test_it_can_be_switched_off(program):
    done = program({"OTEL_TRACES_EXPORTER": "console", "LLMSPELL_LOGS_TELEMETRY": "false"})
    assert (done.stdout, done.stderr) == ("hello\n", "")
