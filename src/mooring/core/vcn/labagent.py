"""What a lab.yaml says of its agents: options of `mooring agent`, the same on every node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mooring.core.vcn.labwish import mapping, one_of, whole

SECTION = "agent"
FAST_PATHS = ("off", "on", "auto")
TRACKINGS = ("auto", "on", "off")
KEYS = ("fastPath", "conntrack", "mtu", "cooldown")
LEAST_MTU, MOST_MTU, MOST_COOLDOWN = 1280, 9216, 3600
MTU, COOLDOWN = 9000, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """The options; what is not said is as the agent has it by itself."""

    fast_path: str = FAST_PATHS[0]
    conntrack: str = TRACKINGS[0]
    mtu: int = MTU
    cooldown: int = COOLDOWN

    @property
    def arguments(self) -> tuple[str, ...]:
        """Give what an agent is told of them: nothing of what it does by itself."""
        return tuple(
            f"{flag}={wanted}"
            for flag, wanted, usual in (
                ("--fast-path", self.fast_path, FAST_PATHS[0]),
                ("--conntrack", self.conntrack, TRACKINGS[0]),
                ("--mtu", self.mtu, MTU),
                ("--cooldown", self.cooldown, COOLDOWN),
            )
            if wanted != usual
        )

    def __str__(self) -> str:
        """Show what differs from an agent that is told nothing."""
        return " ".join(self.arguments) or "its defaults"


DEFAULT = AgentPlan()


def parse(value: object) -> AgentPlan:
    """Read the section, or raise the first fault."""
    given = mapping(SECTION, {} if value is None else value, KEYS)
    mtu, cooldown = given.get("mtu", MTU), given.get("cooldown", COOLDOWN)
    return AgentPlan(
        fast_path=_word(given, "fastPath", FAST_PATHS),
        conntrack=_word(given, "conntrack", TRACKINGS),
        mtu=whole(f"{SECTION}.mtu", mtu, LEAST_MTU, MOST_MTU),
        cooldown=whole(f"{SECTION}.cooldown", cooldown, 0, MOST_COOLDOWN),
    )


def document(plan: AgentPlan) -> dict[str, Any]:
    """Write a plan as a section that `parse` reads back."""
    return {
        "fastPath": plan.fast_path,
        "conntrack": plan.conntrack,
        "mtu": plan.mtu,
        "cooldown": plan.cooldown,
    }


def _word(given: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = given.get(key, choices[0])
    if isinstance(value, bool):
        # YAML reads a bare `on` as true.
        value = "on" if value else "off"
    return one_of(f"{SECTION}.{key}", value, choices)
