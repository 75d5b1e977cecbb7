"""The Unix socket of a local VCN's admin API: made, and called.

A socket's address has room for some hundred bytes only, and a state directory may be
deeper than that; so its name is looked up from an open descriptor of the directory. Only
the user who serves, and root, may talk there: the file has mode 0600, and the kernel is
asked for the peer's user.
"""

import http.client
import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

FILE = "admin.sock"
BACKLOG = 16
SECONDS = 30.0
ROOT = 0

_CREDENTIALS = struct.Struct("=3i")  # struct ucred of unix(7): pid, uid, gid


class AdminError(Exception):
    """The admin API did not do it; the message says why and what to do next."""


class HasOptions(Protocol):
    """A connected socket, as far as it is asked here."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """Give an option's bytes."""


def listen(state: Path) -> socket.socket:
    """Listen in a state directory; who holds its lock may replace an older socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    aside = state / f"{FILE}.new"
    try:
        aside.unlink(missing_ok=True)
        with _short(aside) as address:
            listener.bind(address)
        aside.chmod(0o600)
        listener.listen(BACKLOG)
        aside.rename(state / FILE)
    except OSError:
        listener.close()
        aside.unlink(missing_ok=True)
        raise
    return listener


def remove(state: Path) -> None:
    """Take the socket's file away."""
    (state / FILE).unlink(missing_ok=True)


def is_welcome(peer: HasOptions) -> bool:
    """Ask the kernel whether the peer is root, or the user that we are."""
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(raw)[1] in (ROOT, os.geteuid())


def ask(
    state: Path, method: str, path: str, body: Mapping[str, object] | None = None
) -> Any:
    """Make one call to the server of a state directory; AdminError for anything but success."""
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
    text = None if body is None else json.dumps(body)
    try:
        connection.sock = _connected(state)
        connection.request(method, path, text, {"content-type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read() or b"null")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise AdminError(f"{state / FILE}: {error!r}; see the server's log") from error
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        raise AdminError(answer["message"])
    return answer


def _connected(state: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(SECONDS)
    try:
        with _short(state / FILE) as address:
            peer.connect(address)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        peer.close()
        raise AdminError(
            f"{state}: no server runs on this state; start one with "
            f"`mooring vcn serve --state {state}`, or give the --state of the one that runs"
        ) from error
    except PermissionError as error:
        peer.close()
        raise AdminError(
            f"{state / FILE}: not permitted; be root or the user who serves"
        ) from error
    except OSError:
        peer.close()
        raise
    return peer


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a path's name by a descriptor of its directory, short however deep it is."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
