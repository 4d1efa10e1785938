"""Tokens: what opens something for whoever holds it, and what is stored in its place."""

import hashlib
import secrets


def new_token(mark: str = "") -> str:
    """256 bits of chance that survive a URL, after a mark that says what it opens."""
    return mark + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a token.

    SHA-256 is enough: there is nothing to guess in 256 bits of chance that a slow hash would slow down, and how long
    the search for a digest takes tells nothing about the token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
