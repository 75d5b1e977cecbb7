"""What a container runtime may answer instead of doing it."""


class CriError(Exception):
    """The runtime refused, or was not there."""


class AbsentError(CriError):
    """There is no such sandbox or container (any more)."""
