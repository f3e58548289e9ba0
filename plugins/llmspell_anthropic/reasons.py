"""Why no connection came about."""

from __future__ import annotations

import os

from llmspell import Timeouts
from llmspell.providers.causes import causes


def reason(error: BaseException, timeouts: Timeouts) -> str:
    """Why no connection came about, in the system's words."""
    import ssl

    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return f"no answer within {timeouts.connect or 0:g} s"
    for seen in causes(error):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {seen.verify_message}"
        if isinstance(seen, OSError) and seen.errno:
            return (os.strerror(seen.errno) if seen.errno > 0 else seen.strerror or str(seen)).lower()
    return str(error) or type(error).__name__
