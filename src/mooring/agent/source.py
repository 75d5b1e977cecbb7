"""The node's NativePodNetwork object: its status, when it has changed."""

from mooring.core.npn.fields import Unreadable
from mooring.core.npn.port import Objects, Token
from mooring.core.npn.record import NpnStatus


class Source:
    """Follows the status of one object. `trouble` says why there is none."""

    def __init__(self, objects: Objects, name: str) -> None:
        self.name = name
        self.trouble = f"there is no NativePodNetwork {name} yet"
        self._objects = objects
        self._token: Token = {}

    def changed(self) -> NpnStatus | None:
        """Give the status if it changed since the last time, and could be read.

        What was read once stays true while the store is out of reach.
        """
        try:
            token, names = self._objects.changes(self._token)
            status = (
                self._objects.read_status(self.name) if self.name in names else None
            )
        except (OSError, Unreadable) as why:
            self.trouble = f"NativePodNetwork {self.name} cannot be read: {why}"
            return None
        self._token = token
        if status is not None:
            self.trouble = explain(self.name, status)
        return status


def explain(name: str, status: NpnStatus) -> str:
    """Say how far the object is; nothing when all that was wanted is reached."""
    if status.state == "SUCCESS":
        return ""
    state = status.state or "not begun"
    because = " ".join(word for word in (status.reason, status.message) if word)
    return f"NativePodNetwork {name} is {state}" + (f": {because}" if because else "")
