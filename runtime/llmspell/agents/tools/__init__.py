"""Tools of agents: which there are, how a model calls them, and how a call is carried out."""
