"""Where an agent's state is when nobody says it."""

from pathlib import Path

STATE = Path("/var/lib/mooring")
USUAL_STATE = f"{STATE}/agent, the DaemonSet's, else {STATE}"


def usual_state(root: Path = STATE) -> Path:
    """Tell where the agent's state is: on the node the DaemonSet has it one below."""
    below = root / "agent"
    return below if below.is_dir() else root
