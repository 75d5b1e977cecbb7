"""The demo."""

from collections.abc import Callable

from mooring.lab.lifecycle import Lab


def run(lab: Lab, tell: Callable[[str], None]) -> int:
    """Show it."""
    tell(lab.name)
    return 0
