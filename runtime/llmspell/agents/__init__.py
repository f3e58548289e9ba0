"""Agents: a model, its instructions and the conversation so far."""
