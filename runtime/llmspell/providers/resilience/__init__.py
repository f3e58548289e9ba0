"""How a request survives a provider that fails: limits, retries, turns, a breaker, other models."""
