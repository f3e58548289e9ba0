"""Why no connection came about."""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmspell import Timeouts


def reason(error: BaseException, timeouts: Timeouts) -> str:
    """Why no connection came about, in the system's words."""
    import ssl

    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return f"no answer within {timeouts.connect or 0:g} s"
    for seen in _causes(error):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {seen.verify_message}"
        if isinstance(seen, OSError) and seen.errno:
            return (os.strerror(seen.errno) if seen.errno > 0 else seen.strerror or str(seen)).lower()
    return str(error) or type(error).__name__


def refused(error: BaseException) -> bool:
    """Whether nobody listens there."""
    return any(isinstance(seen, ConnectionRefusedError) for seen in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it; causes may lead in a circle."""
    found = [error]
    met: set[int] = set()
    while found:
        seen = found.pop()
        if id(seen) in met:
            continue
        met.add(id(seen))
        yield seen
        cause = seen.__cause__ or seen.__context__
        found.extend(reversed(getattr(seen, "exceptions", None) or ([cause] if cause else [])))
