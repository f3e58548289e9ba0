"""The pytest plugin costs a run nothing until a fixture of it is asked for, and rewrites the kit's asserts."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

SEEN = """
import sys

def test_nothing_was_imported():
    assert [name for name in sys.modules if name.startswith("llmspell")] == [
        "llmspell", "llmspell.testing", "llmspell.testing.pytest_plugin"]

def test_the_fixture_works(scripted):
    assert scripted.enqueue("hi").replies_left == 1
    assert "llmspell.testing.scripted" in sys.modules
"""

KIT = """
import pytest
from llmspell.testing import ProviderConformance, ScriptedProvider

class TestMine(ProviderConformance):
    supports = frozenset()

    @pytest.fixture
    def provider(self):
        return ScriptedProvider(answer=lambda request: ["", "text"])

    @pytest.fixture
    def model(self):
        return "scripted/model"

class TestNameless(ProviderConformance):
    plugin = "plugin_that_is_nowhere"
"""


def test_lazy(pytester):
    pytester.makepyfile(SEEN)
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=2)


def test_the_kit_reports_to_its_author(pytester):
    pytester.makepyfile(KIT)
    result = pytester.runpytest_subprocess("-W", "error", "-k", "test_text_is_text or test_import_is_light")
    result.assert_outcomes(failed=2, errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*a TextDelta is empty: leave it out*",
            "*assert ''*",
            "*plugin module 'plugin_that_is_nowhere' can't be loaded*",
        ]
    )


def test_the_names_are_sorted_and_lazy():
    import llmspell.testing

    assert llmspell.testing.__all__ == sorted(llmspell.testing.__all__)
    assert set(llmspell.testing._HOMES) == set(dir(llmspell.testing))
    for name in llmspell.testing.__all__:
        assert getattr(llmspell.testing, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        llmspell.testing.nonsense  # noqa: B018
    light = "import sys, llmspell.testing; print(sorted(name for name in sys.modules if name.startswith('llmspell')))"
    child = subprocess.run([sys.executable, "-c", light], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "['llmspell', 'llmspell.testing']"
