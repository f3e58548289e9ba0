"""Providers: the contract that plugins fulfil, and the hub that routes every request to one of them."""
