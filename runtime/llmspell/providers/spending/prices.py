"""What a request costs: by the prices of llmspell.toml, or by those that `genai-prices` brings with it.

https://github.com/pydantic/genai-prices. Its import and its data take 60 ms where the SDK of a provider is loaded
already, half a second elsewhere: so it waits until a request to the cloud is answered, and is then read in a thread;
whoever needs a price at once waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from llmspell.providers.contract import Usage
from llmspell.providers.routing import Route, matches

if TYPE_CHECKING:
    from llmspell.config.schema import Price

_MILLION = 1_000_000
_ADDRESS = "base_url"
"""The key of a provider's table that says where its server is, and so who is paid."""


class Prices:
    """Prices in USD.

    ``own`` are those of the user, by a pattern of ``provider/model``. ``kind`` and ``table`` say of a provider's
    configured name whether it is local, and what llmspell.toml says of it; ``type_of`` gives the name of its type.
    """

    def __init__(
        self,
        own: Mapping[str, Price],
        kind: Callable[[str], str],
        type_of: Callable[[str], str],
        table: Callable[[str], Mapping[str, Any]],
    ) -> None:
        self._own = own
        self._kind = kind
        self._type_of = type_of
        self._table = table
        self._reading: threading.Thread | None = None
        self._found: dict[tuple[str, str], Any] = {}

    @property
    def installed(self) -> bool:
        """Whether `genai-prices` is there."""
        return _library() is not None

    def begin(self, route: Route) -> None:
        """Begin to read the prices in a thread, where this route's will be needed."""
        if self._reading is None and self._is_listed(route):
            self._reading = threading.Thread(target=_library, name="llmspell-prices", daemon=True)
            self._reading.start()

    async def ready(self) -> None:
        """Wait until the prices are read that `begin` has begun with."""
        if self._reading is not None and self._reading.is_alive():
            await asyncio.to_thread(self._reading.join)

    def known(self, route: Route) -> bool:
        """Whether `cost` answers at once."""
        return bool(_read) or not self._is_listed(route)

    def cost(self, route: Route, usage: Usage) -> float | None:
        """What a request costs; 0 for a local model, None where nobody knows."""
        own = self._of_user(route)
        if own is not None:
            cached = own.input if own.cached is None else own.cached
            read = min(usage.cached_tokens, usage.input_tokens)
            whole = (usage.input_tokens - read) * own.input + read * cached + usage.output_tokens * own.output
            return whole / _MILLION
        if self._kind(route.name) == "local":
            return 0.0
        return self._listed(route, usage)

    def _is_listed(self, route: Route) -> bool:
        return self._kind(route.name) != "local" and self._of_user(route) is None

    def _of_user(self, route: Route) -> Price | None:
        name = f"{route.name}/{route.ref.id}"
        return next((price for pattern, price in self._own.items() if matches(pattern, name)), None)

    def _listed(self, route: Route, usage: Usage) -> float | None:
        library = _library()
        if library is None:
            return None
        from datetime import datetime, timezone

        try:
            provider, model = self._model(library, route)
            counted = library.Usage(
                input_tokens=usage.input_tokens,
                cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
                output_tokens=usage.output_tokens,
            )
            now = datetime.now(timezone.utc)
            return float(model.calc_price(counted, provider, genai_request_timestamp=now).total_price)
        except (LookupError, ValueError):
            return None

    def _model(self, library: Any, route: Route) -> Any:
        """The provider and the model as the library knows them; raises LookupError."""
        key = (route.name, route.ref.id)
        if key not in self._found:
            address = self._table(route.name).get(_ADDRESS)
            snapshot = library.data_snapshot.get_snapshot()
            try:
                if address is not None:
                    self._found[key] = snapshot.find_provider_model(route.ref.id, None, None, str(address))
                else:
                    self._found[key] = snapshot.find_provider_model(route.ref.id, None, self._type_of(route.name), None)
            except LookupError:
                self._found[key] = None
        if self._found[key] is None:
            raise LookupError
        return self._found[key]


_lock = threading.Lock()
_read: list[Any] = []


def _library() -> Any:
    """The library with its data read; None where it isn't installed."""
    with _lock:
        if not _read:
            try:
                import genai_prices

                genai_prices.data_snapshot.get_snapshot()
                _read.append(genai_prices)
            except ImportError:
                _read.append(None)
    return _read[0]
