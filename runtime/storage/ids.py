"""Ids: twenty characters that sort by age and survive a URL, a file name and a double click."""

import secrets
import time

# Crockford's base 32 in small letters: one case only, so that every database's collation sorts it the same way.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_RANDOM_BITS = 55


def new_id() -> str:
    """A new id, shaped like a UUIDv7: 45 bits of milliseconds since the epoch (to the year 3084), then 55 of chance."""
    number = int(time.time() * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(90, -1, -10)])
