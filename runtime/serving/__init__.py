"""How the outside starts a run."""
