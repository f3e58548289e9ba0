"""docs/reliability.md says what the code does: its keys, its defaults, what each error leads to."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell import errors
from llmspell.config import check_providers, load
from llmspell.config.limits import LIMITS
from llmspell.config.schema import Requests
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.resilience import judging
from llmspell.providers.resilience.limits import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


def row_of(key):
    """The cells for the cloud and for local providers in the table of what is bounded."""
    (row,) = (row for row in ROWS if len(row) == 5 and f"`{key}`" in row[1])
    return row[2:4]


def test_every_key_of_a_provider_is_there_with_its_default():
    for place, kind in enumerate(("cloud", "local")):
        limits = Limits.read({}, kind)
        for key in LIMITS:
            name = key.removesuffix("_timeout")
            value = getattr(limits.timeouts, name) if key.endswith("_timeout") else getattr(limits, key)
            said = row_of(key)[place]
            if said == "the provider's own":
                continue
            wanted = "none" if value is None else f"{value:g} s" if isinstance(value, float) else f"{value}"
            assert said == wanted, key


def test_every_key_of_requests_is_there_with_its_default():
    for key in Requests.__struct_fields__:
        cloud, local = row_of(f"[requests] {key}")
        value = getattr(Requests(), key)
        assert re.match(rf"{value:g}( s\b|$)", cloud), key
        assert local in (cloud, "the same")


def test_each_toml_block_is_good(tmp_path):
    blocks = re.findall(r"(?ms)^```toml\n(.*?)^```$", PAGE)
    assert blocks
    for text in blocks:
        (tmp_path / "llmspell.toml").write_text(text)
        settings = load(environ={"LLMSPELL_HOME": str(tmp_path)}, cwd=str(tmp_path))
        check_providers(settings, {name: ProviderSpec(name, dict, settings={}) for name in settings.providers})


ERRORS = {
    error.type: error
    for error in (
        *(kind("message") for kind in (errors.RateLimited, errors.ProviderTimeout, errors.ProviderUnavailable)),
        *(kind("message") for kind in (errors.ProviderCrashed, errors.AuthError, errors.ModelNotFound)),
        *(kind("message") for kind in (errors.ModelNotUsable, errors.InvalidRequest, errors.ContentFiltered)),
        *(kind("message") for kind in (errors.ConfigError, errors.Timeout, errors.Cancelled)),
        errors.BudgetExceeded("message", limit=1, spent=1, estimate=1),
        errors.ContextOverflow(1, 2),
        errors.UnsupportedOption("seed", "far"),
    )
}


@pytest.mark.parametrize("type_", ERRORS)
def test_what_each_error_leads_to(type_):
    error = ERRORS[type_]
    row = next(row for row in ROWS if len(row) == 3 and f"`{type_}`" in row[0])
    assert judging.waiting_helps(error, "cloud", 1, False) == (row[1] != "no")
    assert judging.another_may(error, True) == (not row[2].startswith(("no", "only")))


def test_no_error_is_named_that_there_is_not():
    cells = "\n".join(row[0] for row in ROWS if len(row) == 3)
    assert set(re.findall(r"`([a-z_]+)`", cells)) - {"fallback"} == set(ERRORS)


def test_the_lua_block_runs(llmspell_home, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    (block,) = re.findall(r"^```lua\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "block.lua").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", "block.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["model_not_found", "answered"]
