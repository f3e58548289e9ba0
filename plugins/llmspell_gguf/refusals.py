"""Why llama.cpp refused to load a file.

xllamacpp tells nobody: it takes llama.cpp's log over at the beginning of a load and throws it away, and its exception
is the same each time. So the weights of a file that was refused are loaded once more without it, and the log is read.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

from llmspell_gguf import ggml

_SAYS: Final = "error loading model: "


class _ModelParams(ctypes.Structure):
    """``llama_model_params`` as a block of bytes: larger than it is, and passed from the one function to the other.

    By all calling conventions in use a structure of this size is handed over by its address or as a copy in memory,
    so that the fields, which change from release to release, needn't be known.
    """

    _fields_ = (("bytes", ctypes.c_uint64 * 128),)


_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "llama_log_get": (None, ctypes.c_void_p, ctypes.c_void_p),
    "llama_log_set": (None, ctypes.c_void_p, ctypes.c_void_p),
    "llama_model_default_params": (_ModelParams,),
    "llama_model_load_from_file": (ctypes.c_void_p, ctypes.c_char_p, _ModelParams),
    "llama_model_free": (None, ctypes.c_void_p),
}


def reason(path: str) -> str | None:
    """Say why llama.cpp doesn't load the weights of a file; None if it does. Takes as long as a load."""
    library = ggml.library()
    try:
        ggml.declare(library, _PROTOTYPES)
    except AttributeError:  # another library reads the files here, or this one shows less
        return None
    with ggml.log_lines("llama") as lines:
        model = library.llama_model_load_from_file(os.fsencode(path), library.llama_model_default_params())
    if model:
        library.llama_model_free(model)
        return None
    # There are no lines where another load took the log over just then.
    return next((line.partition(_SAYS)[2] for line in lines if _SAYS in line), "llama.cpp doesn't say why")
