"""Every error that leaves llmspell, as one tree.

LLMSpellError                   exit code 1
├── UsageError                  2    the command line makes no sense: no such script, no such flag
├── ConfigError                 3    llmspell.toml, the environment or a plugin's registration is wrong
│   └── PluginError             3    one plugin failed; the others work
├── ScriptError                 1    an error that a script raised, or that stopped it
│   ├── OutOfMemory             1    the script needed more memory than `[sandbox] memory_mb`
│   └── Deadlock                1    every task waits for another one
├── RequestError                1    the request itself is wrong; sending it again can't help
│   ├── InvalidRequest          1    a field has the wrong type or an impossible value
│   ├── UnsupportedOption       1    this provider can't honour an option, and dropping it would lie
│   ├── ContextOverflow         1    the prompt is longer than the model's context
│   └── ContentFiltered         1    the provider refused to answer
├── ProviderError               4    a provider couldn't do its work
│   ├── ProviderUnavailable     4    nobody answers, or nothing is installed that could
│   ├── ProviderCrashed         4    the process that ran the model died
│   ├── AuthError               4    no key, or a key that isn't accepted
│   ├── RateLimited             4    too many requests
│   └── ProviderTimeout         4    the provider was reached and didn't answer in time
├── ModelError                  5    the model is the problem
│   ├── ModelNotFound           5    no provider has it
│   ├── ModelNotUsable          5    its file is damaged, or of a kind that the engine can't run
│   └── PullFailed              5    it could not be fetched
├── BudgetExceeded              1    a request may cost more than `max_cost` leaves
├── InvalidAnswer               1    the answer isn't what the request's format asks for
├── RoundLimit                  1    a turn called tools more often than it may
├── ToolError                   1    a tool failed, or was not allowed to run
│   └── ToolNotFound            1    there is no tool of that name
├── SkillError                  1    a skill can't be found, read or rendered
├── StorageError                1    what is kept on disk can't be read or written
├── SandboxError                1    a script asked for what `[sandbox]` doesn't grant
├── Timeout                     124  a time limit that the user set has passed
└── Cancelled                   130  stopped on request

An error carries what its reader needs next: ``message`` says what was tried and what happened, ``hint`` what to
do, ``retryable`` whether the same call may succeed later. Lua sees the same fields, and ``type``, the class name
in snake case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from llmspell.secrets import scrubbed


class LLMSpellError(Exception):
    """Anything that llmspell reports on purpose. No secret gets into its message and its hint when it is made."""

    exit_code: ClassVar[int] = 1
    retryable: bool = False
    fields: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes beyond the common ones that scripts may read."""

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool | None = None) -> None:
        message = scrubbed(message)
        super().__init__(message)
        self.message = message
        self.hint = hint and scrubbed(hint)
        if retryable is not None:
            self.retryable = retryable

    @property
    def type(self) -> str:
        """The class name in snake case, as scripts read it in ``err.type``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def plain(self) -> dict[str, Any]:
        """The error as plain values: what scripts and logs see of it."""
        own = {name: getattr(self, name) for name in self.fields}
        return {**own, "type": self.type, "message": self.message, "hint": self.hint, "retryable": self.retryable}

    def __str__(self) -> str:
        return self.message


def traceback_of(error: BaseException) -> str:
    """The Python traceback of an error, with those of its causes, as text without secrets: for ``--debug``."""
    import traceback  # 7 ms, and seldom wanted

    return scrubbed("".join(traceback.format_exception(type(error), error, error.__traceback__)))


class UsageError(LLMSpellError):
    """The command line can't be carried out as written."""

    exit_code = 2


class ConfigError(LLMSpellError):
    """A configuration file or variable is wrong; the message names it and the key."""

    exit_code = 3


class PluginError(ConfigError):
    """A plugin can't be loaded or broke a rule of registration."""

    def __init__(self, plugin: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.plugin = plugin


class ScriptError(LLMSpellError):
    """A Lua program ended with an error that it didn't catch."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        traceback: str = "",
        exit_code: int = 1,
        error_type: str = "script_error",
    ) -> None:
        super().__init__(message, hint=hint)
        self.traceback = traceback
        self.exit_code = exit_code  # type: ignore[misc]  # the class of the cause decides
        self.error_type = error_type


class OutOfMemory(ScriptError):
    """A Lua program reached its memory limit."""


class Deadlock(ScriptError):
    """No task of a Lua program can ever go on."""


class RequestError(LLMSpellError):
    """A request that no provider could fulfil as it stands."""


class InvalidRequest(RequestError):
    """A field of a request has the wrong type or an impossible value."""


class UnsupportedOption(RequestError):
    """The provider can't honour an option that the request asks for."""

    fields: ClassVar[tuple[str, ...]] = ("option", "provider")

    def __init__(self, option: str, provider: str, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(message or f"{provider} cannot honour the option '{option}'", hint=hint)
        self.option = option
        self.provider = provider


class ContextOverflow(RequestError):
    """The prompt doesn't fit the model's context; ``limit`` and ``used`` count tokens."""

    fields: ClassVar[tuple[str, ...]] = ("limit", "used")

    def __init__(self, limit: int, used: int, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(
            message or f"the prompt has {used} tokens and the model's context holds {limit}",
            hint=hint or "shorten the prompt, call agent:reset(), or raise the context length",
        )
        self.limit = limit
        self.used = used


class ContentFiltered(RequestError):
    """The provider refused the request or its answer."""


class ProviderError(LLMSpellError):
    """A provider failed while doing its work."""

    exit_code = 4
    fields: ClassVar[tuple[str, ...]] = ("provider", "partial")

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.provider = provider
        self.retry_after = retry_after
        self.partial: str | None = None


class ProviderUnavailable(ProviderError):
    """The provider isn't there: not running, not reachable, not installed."""

    retryable = True


class ProviderCrashed(ProviderError):
    """The process that ran the model died; the next request starts another one."""

    retryable = True


class AuthError(ProviderError):
    """The provider wants a key, or another one."""


class RateLimited(ProviderError):
    """The provider asks to slow down; ``retry_after`` is in seconds where it said so."""

    retryable = True
    fields: ClassVar[tuple[str, ...]] = ("provider", "partial", "retry_after")


class ProviderTimeout(ProviderError):
    """The provider took longer than the time it was given."""

    retryable = True


class ModelError(LLMSpellError):
    """A model can't be found, fetched or run."""

    exit_code = 5
    fields: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(self, message: str, *, model: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.model = model


class ModelNotFound(ModelError):
    """No provider has the model. ``suggestions`` are near names, ``pull`` the spec that would fetch it.

    ``size_bytes`` is the size of that download where it is known.
    """

    fields: ClassVar[tuple[str, ...]] = ("model", "suggestions", "pull", "size_bytes")

    def __init__(
        self,
        message: str,
        *,
        model: str | None = None,
        hint: str | None = None,
        suggestions: tuple[str, ...] = (),
        pull: str | None = None,
        size_bytes: int | None = None,
    ) -> None:
        super().__init__(message, model=model, hint=hint)
        self.suggestions = suggestions
        self.pull = pull
        self.size_bytes = size_bytes


class ModelNotUsable(ModelError):
    """The model's file is there and can't be run; the message names the file."""


class PullFailed(ModelError):
    """A model could not be fetched; nothing half-done was left in its place."""

    retryable = True


class BudgetExceeded(LLMSpellError):
    """A request wasn't sent, since it may cost more than is left; ``limit``, ``spent``, ``estimate`` are in USD."""

    fields: ClassVar[tuple[str, ...]] = ("limit", "spent", "estimate")

    def __init__(self, message: str, *, limit: float, spent: float, estimate: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.spent = spent
        self.estimate = estimate


class InvalidAnswer(LLMSpellError):
    """A model's answer doesn't satisfy the schema it was asked to; ``partial`` is its text."""

    retryable = True
    fields: ClassVar[tuple[str, ...]] = ("partial", "violations")

    def __init__(
        self, message: str, *, partial: str, violations: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.partial = partial
        self.violations = violations


class RoundLimit(LLMSpellError):
    """A turn asked for tools up to its limit, or went round in a circle; ``result`` is what it had by then."""

    fields: ClassVar[tuple[str, ...]] = ("partial", "result")

    def __init__(self, message: str, *, result: Mapping[str, Any], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.result = result
        self.partial = str(result.get("text", ""))


class ToolError(LLMSpellError):
    """A tool failed, or was not allowed to run; ``tool`` is its name."""

    fields: ClassVar[tuple[str, ...]] = ("tool",)

    def __init__(self, message: str, *, tool: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.tool = tool


class ToolNotFound(ToolError):
    """There is no tool of that name; the hint names those that there are."""


class SkillError(LLMSpellError):
    """A skill can't be found, read or rendered; the message names it and its file."""


class StorageError(LLMSpellError):
    """What llmspell keeps on disk can't be read or written; the message names the file."""


class SandboxError(LLMSpellError):
    """A script asked for something that its sandbox doesn't grant."""


class Timeout(LLMSpellError):
    """A limit set by the user has passed: ``--timeout``, ``timeout(seconds, fn)``, an agent's ``timeout``."""

    exit_code = 124
    fields: ClassVar[tuple[str, ...]] = ("partial",)
    partial: str | None = None


class Cancelled(LLMSpellError):
    """The work was stopped on request, by Ctrl-C or ``task:cancel()``."""

    exit_code = 130
    fields: ClassVar[tuple[str, ...]] = ("partial",)
    partial: str | None = None
