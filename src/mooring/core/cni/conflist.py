"""The network configuration list that makes a runtime call Mooring.

`cniVersion` is what every runtime knows; a younger one takes the highest of `cniVersions`.
The capabilities are asked for in order to be refused: a runtime keeps what a list does not
name to itself, and its user would get another address than the one chosen.
"""

import json

FILE = "10-mooring.conflist"
"""Runtimes take the first file by name, and read only .conflist as a list."""

EXECUTABLE = "mooring"
"""The plugin's type, which is the name of its executable."""


def conflist(name: str = "mooring") -> str:
    """Write the list for a network of that name."""
    document = {
        "cniVersion": "1.0.0",
        "cniVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
        "name": name,
        "plugins": [{"type": EXECUTABLE, "capabilities": {"ips": True, "mac": True}}],
    }
    return json.dumps(document, indent=2) + "\n"
