"""The agent's Unix socket: whole calls in, answers out, and nobody waits for a bad peer.

Only root may talk here: the socket file has mode 0600, and the kernel is asked for the
peer's user. A peer has a bounded time to send its one call and to take its answer; what
it does wrong ends its own connection and nothing else. Descriptors that came along are
always closed again.

A call that is there when its peer comes in is answered on the spot if nobody has to be waited
for: a task, its timeouts and its turns of the loop cost a sixth of an ADD.

Peers that have not sent their whole call sit in a room of bounded size. When it is full
and somebody knocks, the one that has been there longest goes, and when the half calls are
too many bytes, the one that has sent most: whoever sends a call and takes the answer at
once, as the executable does, is served beside any number of the others.
"""

from mooring.adapters.unixsocket.door import AgentSocket
from mooring.adapters.unixsocket.visit import (
    Arrival,
    Limits,
    Occupied,
    Rejected,
    Serve,
    Work,
)

__all__ = ["AgentSocket", "Arrival", "Limits", "Occupied", "Rejected", "Serve", "Work"]
