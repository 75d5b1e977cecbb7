"""What holds descriptors and gives them back: by hand, by a with block, or when nobody has it.

It stands beside the adapters because several of them are such, and adapters do not know each
other.
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Self


class Closing(ABC):
    """A with block for whatever has a `close` that may be called twice."""

    @abstractmethod
    def close(self) -> None:
        """Give the descriptors back; the object is of no use after that."""

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __del__(self) -> None:
        """Close, if nobody did."""
        with suppress(AttributeError):  # it was never whole
            self.close()
