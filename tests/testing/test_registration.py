"""The kit watches what a plugin's import and registration do."""

import sys

import pytest

from llmspell.testing import ProviderConformance, write_plugin
from llmspell.testing.registration import spec_of

GOOD = """
from llmspell import Provider, ProviderSpec, hookimpl

class Parrot(Provider):
    name = "parrot"

def make(settings):
    return Parrot()

@hookimpl
def llmspell_providers():
    return [ProviderSpec("parrot", make, aliases=("polly",))]
"""

HEAVY_IMPORT = "import asyncio\n" + GOOD
HEAVY_HOOK = GOOD.replace("    return [", "    import wave\n    return [")
EAGER = GOOD.replace("    return [", "    make({})\n    return [")
EAGER_CLASS = (
    GOOD.replace("ProviderSpec(", "Parrot() and ProviderSpec(")
    .replace(", make,", ", Parrot,")
    .replace(
        'name = "parrot"', 'name = "parrot"\n    def __init__(self, settings=None):\n        self.settings = settings'
    )
)
CONTACTING = GOOD.replace(
    "    return [",
    "    import socket\n    try:\n        socket.create_connection(('127.0.0.1', 9), 1)\n"
    "    except OSError:\n        print('down')\n    return [",
)
WRONG_NAME = GOOD.replace('name = "parrot"', 'name = "polly"')
NO_PROVIDER = GOOD.replace("return Parrot()", "return 7")
BROKEN = GOOD.replace("return [", "return [1 / 0, ")


@pytest.fixture
def kit(tmp_path, monkeypatch, request):
    """Makes a kit for a plugin with this source."""

    def make(source):
        name = f"plugin_{request.node.name}".replace("[", "_").replace("]", "")
        write_plugin(tmp_path, name, source)
        monkeypatch.syspath_prepend(tmp_path)
        request.addfinalizer(lambda: sys.modules.pop(name, None))

        class Kit(ProviderConformance):
            plugin = name
            heavy = ("asyncio", "wave")

        return Kit()

    return make


CHECKS = ["test_import_is_light", "test_registration_is_light", "test_factory_gives_the_provider"]


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_plugin_passes(kit, check):
    getattr(kit(GOOD), check)()


@pytest.mark.parametrize(
    ("source", "broken", "says"),
    [
        (HEAVY_IMPORT, CHECKS[0], r"imports \['asyncio'\]"),
        (HEAVY_HOOK, CHECKS[1], r"imports \['wave'\]"),
        (EAGER, CHECKS[1], r"calls the factory of \['parrot'\]"),
        (EAGER_CLASS, CHECKS[1], r"calls the factory of \['parrot'\]"),
        (CONTACTING, CHECKS[1], r"does \['socket.connect'"),
        (WRONG_NAME, CHECKS[2], "calls itself 'polly'"),
        (NO_PROVIDER, CHECKS[2], "returns int, no Provider"),
    ],
    ids=["import", "hook", "function", "class", "socket", "name", "type"],
)
def test_a_bad_plugin_fails_in_one_check(kit, source, broken, says):
    made = kit(source)
    for check in CHECKS:
        if check == broken:
            with pytest.raises(AssertionError, match=says):
                getattr(made, check)()
        else:
            getattr(made, check)()


@pytest.mark.parametrize("check", CHECKS)
def test_a_plugin_that_raises_is_reported_with_its_error(kit, check):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        getattr(kit(BROKEN), check)()


def test_one_of_several_providers(kit):
    made = kit(GOOD.replace("return [", 'return [ProviderSpec("other", make), '))
    assert spec_of(made.plugin, "parrot").aliases == ("polly",)
    with pytest.raises(AssertionError, match="spec_name"):
        spec_of(made.plugin)
