"""Where things are kept."""

import platformdirs
import pytest

from llmspell.config import paths

KINDS = {"config": paths.config_dir, "data": paths.data_dir, "cache": paths.cache_dir, "state": paths.state_dir}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_below_the_home_that_is_set(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "h"))
    assert KINDS[kind]() == tmp_path / "h" / kind
    assert paths.models_dir() == tmp_path / "h" / "data" / "models"
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize("xdg", [None, "", "/somewhere/else"])
@pytest.mark.parametrize("kind", KINDS)
def test_otherwise_it_is_where_platformdirs_says(kind, xdg, monkeypatch):
    monkeypatch.delenv("LLMSPELL_HOME", raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
        if xdg is not None:
            monkeypatch.setenv(name, xdg)
    expected = getattr(platformdirs, f"user_{kind}_path")("llmspell", appauthor=False)
    assert KINDS[kind]() == expected
