"""Servers of ours that speak other people's protocols, so that tests exercise the real clients."""
