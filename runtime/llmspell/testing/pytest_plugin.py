"""The pytest plugin: loaded in every run where llmspell is installed, so it imports nothing but pytest.

Fixtures:
    scripted: a fresh `llmspell.testing.ScriptedProvider`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llmspell.testing.scripted import ScriptedProvider

pytest.register_assert_rewrite("llmspell.testing.conformance")


@pytest.fixture
def scripted() -> ScriptedProvider:
    """A provider named ``scripted`` that says what the test enqueues."""
    from llmspell.testing.scripted import ScriptedProvider  # late: most runs never ask for it

    return ScriptedProvider()
