"""llama.cpp as llama-cpp-python ships it: loaded once a process, silent, with its complaints kept.

Its C functions are called directly. The package's own class `Llama` redirects the file descriptors 1 and 2 of the
whole process while it loads (abetlen/llama-cpp-python#1874), keeps one conversation only and copies every logit.
"""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections import deque
from typing import Any, Final

from llmspell.errors import ModelNotUsable, ProviderUnavailable

_WARNING: Final = 3
_ERROR: Final = 4
"""Levels of the log (ggml.h, enum ggml_log_level)."""

_lock = threading.RLock()
"""Held while the library or a file is loaded, so that the log speaks of one file."""
_library: Any = None
_log: deque[tuple[int, str]] = deque(maxlen=100)
_callback: Any = None
"""Kept: the library calls it as long as it lives."""


def library() -> Any:
    """The module `llama_cpp`, made silent.

    Raises:
        ProviderUnavailable: it is not installed, or doesn't work on this machine.
    """
    global _library, _callback
    with _lock:
        if _library is None:
            try:
                found = importlib.import_module("llama_cpp")
            except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: its shared library can't be loaded
                raise ProviderUnavailable(
                    f"the engine llama-cpp-python can't be loaded: {error}",
                    provider="gguf",
                    hint="pip install 'llmspell[gguf]', which compiles it and needs a C++ compiler",
                    retryable=False,
                ) from error
            _callback = found.llama_log_callback(_keep)
            found.llama_log_set(_callback, ctypes.c_void_p(0))
            found.llama_backend_init()
            _library = found
        return _library


def _keep(level: int, text: bytes, _: Any) -> None:
    if level in (_WARNING, _ERROR):  # the rest is thousands of lines a load
        _log.append((level, text.decode("utf-8", "replace").strip()))


def model_params() -> Any:
    """How a model is loaded: as the library does by itself, but for the guard against AMX.

    A library built for this very CPU, as pip builds it, repacks weights for AMX where the CPU reports it. On virtual
    machines that report and trap it the first prompt of several tokens then ends the process with SIGSEGV
    (ggml-org/llama.cpp#20824).
    """
    params = library().llama_model_default_params()
    if "AMX_INT8 = 1" in system_info():
        params.use_extra_bufts = False
    return params


def system_info() -> str:
    """What the library can do on this CPU, as ``CPU : AVX2 = 1 | AMX_INT8 = 1 | …``."""
    return str(library().llama_print_system_info().decode())


class Handles:
    """The library's objects for one file: ``model``, ``context``, ``vocabulary``, ``memory``.

    ``memory`` holds the keys and values of what was read; a pure encoder has none.
    """

    def __init__(self, path: str, model_params: Any, context_params: Any) -> None:
        """Load a file. Blocks.

        Raises:
            ModelNotUsable: the file can't be loaded, or its context not be made; the message has llama.cpp's reason.
        """
        self.library = library()
        with _lock:
            _log.clear()
            self.model = self.library.llama_model_load_from_file(_encoded(path), model_params)
            if not self.model:
                hint = "it may be damaged, of an architecture newer than the engine, or larger than the free memory"
                raise self._not_usable(path, "can't load it", hint)
            self.context = self.library.llama_init_from_model(self.model, context_params)
            if not self.context:
                self.library.llama_model_free(self.model)
                raise self._not_usable(path, "can't make a context for it", "set a smaller context_length")
        self.vocabulary = self.library.llama_model_get_vocab(self.model)
        self.memory = self.library.llama_get_memory(self.context)

    def free(self) -> None:
        """Give the memory back. Nothing may be called with the handles any more."""
        self.library.llama_free(self.context)
        self.library.llama_model_free(self.model)
        self.model = self.context = self.vocabulary = self.memory = None

    def _not_usable(self, path: str, what: str, hint: str) -> ModelNotUsable:
        errors = [text for level, text in _log if level == _ERROR]
        telling = [text for text in errors if _TELLING in text] or errors or ["llama.cpp doesn't say why"]
        reason = telling[0].rpartition(_TELLING)[2]
        engine = f"llama-cpp-python {self.library.__version__}"
        return ModelNotUsable(f"{path}: the engine {engine} {what}: {reason}", model=path, hint=hint)


_TELLING: Final = "error loading model: "


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")  # what llama.cpp expects on all systems
