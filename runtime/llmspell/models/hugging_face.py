"""Models in repositories on Hugging Face: which files there are, which of them is meant, and what a refusal means.

`huggingface_hub` knows the endpoint, the token and whether to stay offline (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE); it
is asked for the list of files with their checksums. The bytes come as from any URL, which is what can be gone on from.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llmspell.errors import InvalidRequest, ModelError, ModelNotFound, PullFailed
from llmspell.models.catalogue import USUAL_QUANTIZATION
from llmspell.models.gguf_files import is_model, part_of
from llmspell.models.names import parse
from llmspell.models.transfer import RemoteFile

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_QUANTIZATION: Final = re.compile(r"(?:.*[-._/])?((?:I?Q|TQ)\d\w*|BF16|F16|F32|FP16|FP32|MXFP4\w*)", re.IGNORECASE)
_ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A model in a repository: its files, of which a split model has several, with sizes and checksums."""

    repository: str
    paths: tuple[str, ...]
    files: tuple[RemoteFile, ...]

    @property
    def path(self) -> str:
        return self.paths[0]

    @property
    def stem(self) -> str:
        part = part_of(self.path)
        return part.stem if part else self.path.removesuffix(".gguf")

    @property
    def quantization(self) -> str | None:
        found = _QUANTIZATION.fullmatch(self.stem)
        return found[1].upper() if found else None

    @property
    def source(self) -> str:
        return f"hf:{self.repository}/{self.path}"


def listing(repository: str) -> list[Listed]:
    """The GGUF models in a repository, by path. Blocks; asks the network.

    Raises:
        ModelNotFound: there is no such repository, or none that may be seen.
        PullFailed: it can't be asked.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_url
    except ImportError:
        raise PullFailed(
            f"hf:{repository} can't be fetched: huggingface_hub is not installed",
            model=f"hf:{repository}",
            hint="pip install 'llmspell[local]'",
        ) from None
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None  # it reads this once, when it is imported
    import logging

    token = None
    log = logging.getLogger("huggingface_hub")  # has a handler of its own, which writes into the progress bar
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        token = _token()
        info = HfApi(endpoint=endpoint).model_info(repository, files_metadata=True, timeout=_ANSWER_SECONDS)
        models = _models(repository, info)
    except Exception as error:  # noqa: BLE001 - which client's errors these are depends on huggingface_hub's version
        raise _unanswered(repository, error, token) from None
    finally:
        log.setLevel(level)

    def remote(path: str, size: int | None, sha256: str | None) -> RemoteFile:
        return RemoteFile(
            hf_hub_url(repository, path, revision=info.sha, endpoint=endpoint),
            path.rpartition("/")[2],
            size,
            sha256,
            token,
            # a refusal without a code is the storage's, which the files are on
            lambda status, headers: _refused(repository, status, headers) if "x-error-code" in headers else None,
        )

    return [
        Listed(repository, tuple(paths), tuple(remote(path, *facts) for path, facts in paths.items()))
        for paths in models
    ]


def pick_file(repository: str, path: str, models: Sequence[Listed]) -> Listed:
    """The model that a file belongs to.

    Raises:
        ModelNotFound: the repository has no such file.
    """
    for model in models:
        if path in model.paths:
            return model
    name = f"hf:{repository}/{path}"
    near = difflib.get_close_matches(path, [model.path for model in models], n=3, cutoff=0.3)
    raise ModelNotFound(
        f"the repository {repository} has no file {path}",
        model=name,
        suggestions=tuple(f"hf:{repository}/{one}" for one in near),
        hint=_there_is(models),
    )


def pick(repository: str, quantization: str | None, models: Sequence[Listed], pattern: str | None = None) -> Listed:
    """The model in a quantization; none asked for means `USUAL_QUANTIZATION`, or the only one that there is.

    ``pattern`` is as in `HubSource`.

    Raises:
        PullFailed: there is none, or several.
    """
    wanted = (quantization or USUAL_QUANTIZATION).upper()
    if pattern:
        stem = pattern.removesuffix(".gguf").format(wanted).lower()
        found = [model for model in models if model.stem.rpartition("/")[2].lower() == stem]
    else:
        found = [model for model in models if model.quantization == wanted]
        if not found and not quantization and len(models) == 1:
            found = list(models)
    if len(found) == 1:
        return found[0]
    name = f"hf:{repository}"
    if not found:
        raise PullFailed(f"{name} has no model in {wanted}", model=name, hint=_there_is(models))
    raise PullFailed(
        f"{name} has {len(found)} models in {wanted}",
        model=name,
        hint="name one of the files: " + ", ".join(model.source for model in found[:5]),
    )


def _models(repository: str, info: ModelInfo) -> list[dict[str, tuple[int | None, str | None]]]:
    """The GGUF files of a repository with size and sha256, those of a split model together."""
    models: dict[tuple[str, int], dict[str, tuple[int | None, str | None]]] = {}
    for file in sorted(info.siblings or (), key=lambda file: file.rfilename):
        path = file.rfilename
        if not (is_model(path) and _can_be_named(repository, path)):
            continue
        part = part_of(path)
        key = (part.stem, part.count) if part else (path, 1)
        facts = (file.lfs.size, file.lfs.sha256) if file.lfs else (file.size, None)
        models.setdefault(key, {})[path] = facts
    return [paths for (_, count), paths in models.items() if len(paths) == count]


def _can_be_named(repository: str, path: str) -> bool:
    """Whether the name of a file, which the server chose, can be written and leads nowhere else."""
    try:
        return parse(f"hf:{repository}/{path}").name == f"{repository}/{path}"
    except InvalidRequest:
        return False


def _there_is(models: Sequence[Listed]) -> str:
    if not models:
        return "there is no .gguf file in it; repositories that have some are often called …-GGUF"
    known = sorted({model.quantization or model.path for model in models})
    return f"there is {', '.join(known[:30])}{' and more' if len(known) > 30 else ''}"


def _token() -> str | None:
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    return build_hf_headers().get("authorization", "").removeprefix("Bearer ") or None


def _unanswered(repository: str, error: Exception, token: str | None) -> ModelError:
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    name = f"hf:{repository}"
    if isinstance(error, OfflineModeIsEnabled):
        return PullFailed(
            f"{name} can't be fetched: huggingface_hub is told to stay offline",
            model=name,
            hint="unset HF_HUB_OFFLINE, or name a file that is here by its path",
        )
    if isinstance(error, HfHubHTTPError):
        if known := _refused(repository, error.response.status_code, error.response.headers):
            return known
        reason = f"HTTP {error.response.status_code}"
        hint = "try again later" if error.response.status_code >= 500 else "try again"
    else:
        reason = str(error) or type(error).__name__
        reason = reason.replace(token, "…") if token else reason
        hint = "check the connection, and HF_ENDPOINT if it is set"
    where = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    return PullFailed(f"{name}: {where} can't be asked: {reason}", model=name, hint=hint)


def _refused(repository: str, status: int, headers: Mapping[str, str]) -> ModelError | None:
    """What a refusal of Hugging Face means; its headers say more than the status."""
    name, page = f"hf:{repository}", f"https://huggingface.co/{repository}"
    code = headers.get("x-error-code", "")
    if code == "GatedRepo":
        failure: ModelError = PullFailed(
            f"{name} is only for those who accepted its terms",
            model=name,
            hint=f"accept them at {page}, then set HF_TOKEN or run `hf auth login`",
        )
    elif status == 401 and "credentials" in headers.get("x-error-message", ""):
        failure = PullFailed(
            f"{name}: the token for Hugging Face is not accepted",
            model=name,
            hint="set HF_TOKEN anew, or run `hf auth login`; open repositories need none",
        )
    elif code in ("EntryNotFound", "RevisionNotFound"):
        failure = PullFailed(f"{name} was changed meanwhile: the file is gone", model=name, hint="pull again")
    elif code == "RepoNotFound" or status in (401, 404):
        failure = ModelNotFound(
            f"there is no repository {repository} on Hugging Face, or it is private",
            model=name,
            hint="check the name; a private one needs HF_TOKEN or `hf auth login`",
        )
    elif status == 403:
        failure = PullFailed(f"{name} may not be read", model=name, hint=f"look at {page}")
    elif status == 429:
        failure = PullFailed(
            f"{name}: too many requests", model=name, hint="wait a while; with HF_TOKEN set more are allowed"
        )
    else:
        return None
    failure.retryable = status == 429 or code in ("EntryNotFound", "RevisionNotFound")
    return failure
