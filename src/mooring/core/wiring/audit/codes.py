"""The codes of differences, and what a row of their table has."""

from dataclasses import dataclass
from enum import StrEnum


class By(StrEnum):
    """Who makes a difference good. Only with `--repair` is anybody asked."""

    AGENT = "agent"
    CONTROLLER = "controller"
    AUDIT = "audit"
    YOU = "you"


class Code(StrEnum):
    """What differs. A code never changes its meaning."""

    LEAKED_LEASE = "leaked-lease"
    STOPPED_POD = "stopped-pod"
    UNKNOWN_POD = "unknown-pod"
    POD_WITHOUT_LEASE = "pod-without-lease"
    OTHER_ADDRESS = "other-address"
    ADDRESS_TWICE = "address-twice"
    COOLING_IN_USE = "cooling-in-use"
    FAMILY_MISSING = "family-missing"
    LEASE_CLAIMED = "lease-claimed"
    LEASE_LEAVING = "lease-leaving"
    NAMESPACE_GONE = "namespace-gone"
    LINK_MISSING = "link-missing"
    LINK_CHANGED = "link-changed"
    LINK_WITHOUT_LEASE = "link-without-lease"
    FOREIGN_LINK = "foreign-link"
    INTERFACE_GONE = "interface-gone"
    INSIDE_MISSING = "inside-missing"
    ROUTE_MISSING = "route-missing"
    ROUTE_ELSEWHERE = "route-elsewhere"
    ROUTE_STRAY = "route-stray"
    NEIGHBOUR_MISSING = "neighbour-missing"
    SOURCE_MISSING = "source-missing"
    SOURCE_WRONG = "source-wrong"
    SOURCE_STRAY = "source-stray"
    TABLE_MISSING = "table-missing"
    TABLE_CHANGED = "table-changed"
    RULE_MISSING = "rule-missing"
    RULE_STRAY = "rule-stray"
    NODE_ROUTE_MISSING = "node-route-missing"
    NODE_ADDRESS_MISSING = "node-address-missing"
    NODE_LINK_CHANGED = "node-link-changed"
    SETTING_CHANGED = "setting-changed"
    NO_PRIMARY = "no-primary"
    VNIC_WITHOUT_LINK = "vnic-without-link"
    VNIC_NOT_TAKEN = "vnic-not-taken"
    VNIC_LEFT_OVER = "vnic-left-over"
    WITHDRAWN_ADDRESS = "withdrawn-address"
    LEASE_NOT_IN_CLOUD = "lease-not-in-cloud"
    ADDRESS_NOT_IN_CLOUD = "address-not-in-cloud"
    ADDRESS_NOT_LISTED = "address-not-listed"
    VNIC_NOT_IN_CLOUD = "vnic-not-in-cloud"
    VNIC_NOT_LISTED = "vnic-not-listed"
    NPN_ABSENT = "npn-absent"
    NPN_NOT_SETTLED = "npn-not-settled"
    SPOOL_WAITING = "spool-waiting"
    SPOOL_UNREADABLE = "spool-unreadable"
    SPOOL_UNFINISHED = "spool-unfinished"
    AGENT_AWAY = "agent-away"
    AGENT_NOT_READY = "agent-not-ready"
    LEDGER_DAMAGED = "ledger-damaged"
    LEDGER_OF_ANOTHER_BOOT = "ledger-of-another-boot"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row: what the difference is about, what it is, why it probably is, what helps."""

    about: str
    what: str
    cause: str
    remedy: str
    by: By


ANEW = "delete the pod, so that its runtime starts it anew"
NEXT_LOOK = "the agent puts it back at its next look at the node"
TAKEN_OUT = "the agent takes it out at its next look at the node"
RESYNC = "the controller compares the object with the cloud again within its --interval"
OTHERS = "another program changed the node's network"
STOPPED = "the agent stopped between taking it back and writing so, or "
