"""What the cloud may answer instead of doing it, by what to do next."""


class CloudError(Exception):
    """A call that did not succeed; `call` is the operation's name, as `AttachVnic`."""

    def __init__(self, call: str, code: str, message: str) -> None:
        self.call, self.code, self.message = call, code, message
        super().__init__(f"{call}: {code}: {message}")


class Throttled(CloudError):  # noqa: N818 - the family's word
    """Too many calls: nothing was done; slow down, then ask again."""

    def __init__(
        self, call: str, message: str, retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(call, "TooManyRequests", message)


class Unavailable(CloudError):  # noqa: N818 - the family's word
    """No answer or a server's fault: nobody knows what was done; look again."""


class Busy(CloudError):  # noqa: N818 - the family's word
    """Something it depends on is changing: nothing was done; wait, then look again."""


class Stale(CloudError):  # noqa: N818 - the family's word
    """The retry token stands for something past: ask again with another."""


class NotFound(CloudError):  # noqa: N818 - the family's word
    """It is not there, or we may not see it."""


class NoBlock(CloudError):  # noqa: N818 - the family's word
    """No free block of that size in the subnet: ask for a smaller one."""


class Refused(CloudError):  # noqa: N818 - the family's word
    """A no that stays until somebody changes something: say so, come back later."""


TRANSIENT = (Throttled, Unavailable, Busy)
