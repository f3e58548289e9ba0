"""What led to an error: providers say by it why no connection came about."""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, members of groups too; causes may lead in a circle."""
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


def refused(error: BaseException) -> bool:
    """Whether nobody listens there."""
    return any(isinstance(seen, ConnectionRefusedError) for seen in causes(error))
