"""Answers that are kept, so that the same request needs not be sent again."""
