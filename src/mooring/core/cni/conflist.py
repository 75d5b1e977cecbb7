"""The network configuration list that makes a runtime call Mooring.

`cniVersion` is what every runtime knows; a younger one takes the highest of `cniVersions`.
The capabilities are asked for in order to be refused: a runtime keeps what a list does not
name to itself, and its user would get another address than the one chosen.

Plugins of the CNI project may stand behind ours: `tuning` for settings that every pod gets,
`portmap` for hostPorts, `bandwidth` for limits. A plugin is named only if its executable is
installed: a list that names one that is missing starts no pod at all.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

FILE = "10-mooring.conflist"
"""Runtimes take the first file by name, and read only .conflist as a list."""

READ_BY_RUNTIMES = (".conf", ".conflist", ".json")
"""Endings of the files among which a runtime looks for the first."""

EXECUTABLE = "mooring"
"""The plugin's type, which is the name of its executable."""

TUNING = "tuning"
CAPABILITIES = {"portmap": "portMappings", "bandwidth": "bandwidth"}
CHAINED = (TUNING, *CAPABILITIES)
"""What may stand behind ours, in this order."""

Plugin = Mapping[str, Any]


def conflist(name: str = "mooring", behind: Collection[Plugin] = ()) -> str:
    """Write the list for a network of that name, with these plugins behind ours."""
    ours = {"type": EXECUTABLE, "capabilities": {"ips": True, "mac": True}}
    document = {
        "cniVersion": "1.0.0",
        "cniVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
        "name": name,
        "plugins": [ours, *behind],
    }
    return json.dumps(document, indent=2) + "\n"


def chain(
    installed: Collection[str], sysctls: Mapping[str, str] | None = None
) -> tuple[Plugin, ...]:
    """Give the plugins behind ours, of those that are installed; tuning only if it has to do."""
    behind: list[Plugin] = []
    if sysctls and TUNING in installed:
        behind.append({"type": TUNING, "sysctl": dict(sysctls)})
    behind += [
        {"type": plugin, "capabilities": {capability: True}}
        for plugin, capability in CAPABILITIES.items()
        if plugin in installed
    ]
    return tuple(behind)


def ahead(names: Collection[str]) -> tuple[str, ...]:
    """Name the files of a runtime's directory that it would take before ours."""
    return tuple(sorted(n for n in names if n < FILE and n.endswith(READ_BY_RUNTIMES)))
