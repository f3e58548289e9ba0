"""Providers in the cloud that nobody has set up: one line for all of them."""

import pytest

from llmspell.testing import write_plugin

CLOUD = """\
from llmspell import Provider, ProviderSpec, ProviderStatus, hookimpl


class Far(Provider):
    async def status(self):
        return ProviderStatus(False, error="there is no key")


@hookimpl
def llmspell_providers():
    return [ProviderSpec(name, lambda settings: Far()) for name in ("far", "farther")]
"""


@pytest.fixture
def cloud(llmspell, tmp_path):
    write_plugin(tmp_path / "plugins", "cloud", CLOUD)
    return lambda *words, **env: llmspell(*words, env={"LLMSPELL_PLUGINS": "cloud,shop", **env})


def test_the_status_names_them_together(cloud):
    done = cloud("model", "status")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PROVIDER", "shop"]
    assert done.stderr.splitlines()[-1].startswith("not set up: far, farther (`llmspell keys set NAME`")
    assert '"far"' in cloud("model", "status", "--json").stdout


def test_one_that_the_settings_name_is_shown(cloud, llmspell):
    (llmspell.cwd / "llmspell.toml").write_text("[providers.far]\nretries = 1\n")
    done = cloud("model", "status")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PROVIDER", "far", "shop"]
    assert "far: there is no key" in done.stderr
    assert "not set up: farther (" in done.stderr


def test_the_doctor_does_too(cloud):
    done = cloud("doctor")
    assert "-     other providers  not set up: far, farther (" in done.stdout
    assert "provider far" not in done.stdout
