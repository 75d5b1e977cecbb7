"""What runs in pods to show flows: a server that tells each client who it seems to be.

Both are Python of the node's /usr, handed over as an argument: nothing is copied.
"""

from dataclasses import dataclass

PYTHON = "/usr/bin/python3"
PORT = 8080
SERVER_SOURCE = """\
import socket, sys, threading
port = int(sys.argv[1])
stream = socket.create_server(("", port))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("", port))
def answer():
    while True:
        _, peer = datagrams.recvfrom(64)
        datagrams.sendto(peer[0].encode(), peer)
threading.Thread(target=answer, daemon=True).start()
while True:
    client, peer = stream.accept()
    with client:
        client.sendall(peer[0].encode())
"""
CLIENT_SOURCE = """\
import http.client, socket, sys, time
kind, host, port, patience = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
begun = time.perf_counter()
try:
    if kind == "tcp":
        with socket.create_connection((host, port), patience) as s:
            seen = s.recv(64)
    elif kind == "http":
        asked = http.client.HTTPConnection(host, port, timeout=patience)
        asked.request("GET", "/")
        seen = asked.getresponse().read().split()[0]
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(patience)
            s.sendto(b"?", (host, port))
            seen = s.recv(64)
except OSError as error:
    print("-", error)
    sys.exit(1)
print(seen.decode(), (time.perf_counter() - begun) * 1000)
"""


@dataclass(frozen=True, slots=True)
class Echo:
    """Whom the server saw, and how long it took to know; or why nobody answered."""

    peer: str = ""
    milliseconds: float = 0.0
    fault: str = ""


def server(port: int = PORT) -> list[str]:
    """Give the command that serves TCP and UDP for ever."""
    return [PYTHON, "-c", SERVER_SOURCE, str(port)]


def detached_server(port: int = PORT) -> list[str]:
    """Give the command that leaves such a server behind, and waits until it serves."""
    script = (
        '"$@" >/dev/null 2>&1 </dev/null &\n'
        "tries=0\n"
        f"until {PYTHON} -c 'import socket, sys;"
        ' socket.create_connection(("127.0.0.1", int(sys.argv[1])))\' '
        f"{port} 2>/dev/null\n"
        "do tries=$((tries + 1)); [ $tries -lt 100 ] || exit 1; sleep 0.1; done\n"
    )
    return ["sh", "-c", script, "server", *server(port)]


def client(kind: str, host: str, port: int = PORT, patience: float = 2) -> list[str]:
    """Give the command that asks a server whom it sees; `kind` is tcp, udp or http."""
    return [PYTHON, "-c", CLIENT_SOURCE, kind, host, str(port), str(patience)]


def heard(printed: str) -> Echo:
    """Read what a client printed."""
    first, _, rest = printed.strip().partition(" ")
    if first in {"", "-"}:
        return Echo(fault=rest or "no answer")
    return Echo(first, float(rest))
