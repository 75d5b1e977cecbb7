"""What goes wrong with a lab, in words for whoever brought it up."""

from collections.abc import Sequence


class LabError(Exception):
    """A fault, the last lines of the log that tells of it, and the next step."""

    def __init__(
        self, fault: str, next_step: str = "", log: Sequence[str] = ()
    ) -> None:
        super().__init__(fault)
        self.fault, self.next_step, self.log = fault, next_step, tuple(log)

    def lines(self) -> list[str]:
        """Give the whole of it, line by line."""
        found = [self.fault, *(f"  | {line}" for line in self.log)]
        return [*found, f"next step: {self.next_step}"] if self.next_step else found
