"""The program that carries connections from the machine into the control plane's namespace."""

import asyncio
from pathlib import Path

from mooring.adapters.passage import Passage


def serve(port: int, space: Path, target: int) -> None:
    """Serve until the process is ended."""
    asyncio.run(Passage(port, space, target).serve())
