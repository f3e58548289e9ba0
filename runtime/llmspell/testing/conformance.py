"""The conformance kit for providers."""

from __future__ import annotations


class ProviderConformance:
    """Checks that a provider keeps the contract."""
