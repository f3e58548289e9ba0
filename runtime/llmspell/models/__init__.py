"""Models: what one is called, where its files are, and how they get here."""
