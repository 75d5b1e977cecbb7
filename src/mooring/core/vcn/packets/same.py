"""Values as keys by identity, for remembering what was made of them.

A record's rules or a port's blocks stay the same object until they change, and are long: to
hash and compare them by content at each look would cost more than what is saved.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """A value as a key: equal to another only when it is the same object."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        """Hash the object, not what is in it."""
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same object."""
        return isinstance(other, Same) and other.value is self.value
