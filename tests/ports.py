"""A port that is kept for a server."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def a_port() -> Iterator[int]:
    """A port of the loopback address that nobody else is given meanwhile; a server can listen there.

    It is bound, and nobody listens: where both say SO_REUSEADDR another may bind it and listen.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
