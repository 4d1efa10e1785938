"""A port for a server that cannot choose one by itself."""

import socket


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
