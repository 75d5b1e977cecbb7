"""The kinds of differences: one table of codes with cause and remedy, in words.

`docs/programs/audit.md` prints the table; a test keeps the two equal.
"""

from collections.abc import Mapping
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


_ANEW = "delete the pod, so that its runtime starts it anew"
_NEXT_LOOK = "the agent puts it back at its next look at the node"
_TAKEN_OUT = "the agent takes it out at its next look at the node"
_RESYNC = (
    "the controller compares the object with the cloud again within its --interval"
)
_OTHERS = "another program changed the node's network"
_STOPPED = "the agent stopped between taking it back and writing so, or "

KINDS: Mapping[Code, Kind] = {
    Code.LEAKED_LEASE: Kind(
        "address",
        "an address is held for a pod that no longer exists",
        "the pod ended and no DEL came: its runtime was killed, or lost the call",
        "the agent is asked for the DEL that the runtime owes",
        By.AGENT,
    ),
    Code.STOPPED_POD: Kind(
        "address",
        "an address is held for a pod that has stopped",
        "the runtime keeps the stopped pod and its DEL has not come",
        "the agent is asked for the DEL that the runtime owes",
        By.AGENT,
    ),
    Code.UNKNOWN_POD: Kind(
        "address",
        "an address is held for a pod that the runtime does not know, and processes live in its namespace",
        "the runtime lost its record, or the pod was started past it",
        "end these processes; until then nobody touches the pod's network",
        By.YOU,
    ),
    Code.POD_WITHOUT_LEASE: Kind(
        "pod",
        "a pod runs and the ledger has no lease for it",
        "its attachment was ended behind its runtime's back",
        _ANEW,
        By.YOU,
    ),
    Code.OTHER_ADDRESS: Kind(
        "pod",
        "runtime and ledger name different addresses of a pod",
        "the attachment was ended and made anew, and the runtime kept the first answer",
        _ANEW,
        By.YOU,
    ),
    Code.ADDRESS_TWICE: Kind(
        "address",
        "an address is in two places",
        "one of them is left over from an earlier life of the other",
        "delete both pods, so that their runtime starts them anew",
        By.YOU,
    ),
    Code.COOLING_IN_USE: Kind(
        "address",
        "an address that must rest is in use",
        "the attachment that had it was ended and its cables stayed, or were put back",
        _TAKEN_OUT,
        By.AGENT,
    ),
    Code.LEASE_CLAIMED: Kind(
        "address",
        "a lease was begun and not finished",
        "the agent was killed in the middle of an ADD",
        "the agent undoes it when it starts",
        By.AGENT,
    ),
    Code.LEASE_LEAVING: Kind(
        "address",
        "the end of a lease was begun and not finished",
        "the agent was killed in the middle of a DEL, or the kernel does not let the link go",
        "the agent finishes it when it starts, and tries every second while it runs; its log says what is refused",
        By.AGENT,
    ),
    Code.NAMESPACE_GONE: Kind(
        "address",
        "a lease has neither a link nor a namespace",
        "the pod's namespace was deleted and no DEL came",
        "the agent ends the attachment at its next look at the node",
        By.AGENT,
    ),
    Code.LINK_MISSING: Kind(
        "link",
        "a lease has no link on the node",
        f"{_OTHERS}: it deleted the pod's link",
        "the agent lays the pod's cable anew at its next look at the node",
        By.AGENT,
    ),
    Code.LINK_CHANGED: Kind(
        "link",
        "a pod's link is not as it was laid",
        f"{_OTHERS}: the state, MAC, MTU or alias of the pod's link",
        "the agent mends it at its next look at the node",
        By.AGENT,
    ),
    Code.LINK_WITHOUT_LEASE: Kind(
        "link",
        "a pod's link belongs to no lease",
        f"{_STOPPED}the ledger was lost",
        "the agent deletes it at its next look at the node",
        By.AGENT,
    ),
    Code.FOREIGN_LINK: Kind(
        "link",
        "a link that is not ours has our prefix",
        "somebody else names links moor…; what comes in by it is dropped as spoofed",
        "rename it",
        By.YOU,
    ),
    Code.INTERFACE_GONE: Kind(
        "pod",
        "the pod's end of its link is not in its namespace under its name",
        "somebody renamed it, or moved it into another namespace",
        f"give it its name back, or {_ANEW}",
        By.YOU,
    ),
    Code.INSIDE_MISSING: Kind(
        "pod",
        "an address, neighbour or route inside the pod is missing",
        "a process in the pod, or a plugin later in the chain, removed it",
        "the agent puts it back when it looks into the pod",
        By.AGENT,
    ),
    Code.ROUTE_MISSING: Kind(
        "route",
        "the node has no route to a pod",
        f"{_OTHERS}: it deleted the route",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.ROUTE_ELSEWHERE: Kind(
        "route",
        "the node's route to a pod leads to another device",
        f"{_OTHERS}: it put its own route in the place of the pod's",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.ROUTE_STRAY: Kind(
        "route",
        "a route of ours is wanted by nobody",
        f"{_STOPPED}another program made it",
        _TAKEN_OUT,
        By.AGENT,
    ),
    Code.NEIGHBOUR_MISSING: Kind(
        "neighbour",
        "the permanent neighbour of a pod is missing",
        f"{_OTHERS}: it flushed neighbours",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.SOURCE_MISSING: Kind(
        "source",
        "the nft table does not let a pod send",
        f"{_OTHERS}: it took elements out of the node's nft maps",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.SOURCE_WRONG: Kind(
        "source",
        "the nft table sends a pod's packets to another VNIC",
        f"{_OTHERS}: it changed an element of the node's nft maps",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.SOURCE_STRAY: Kind(
        "source",
        "the nft table lets somebody send who has no lease",
        f"{_STOPPED}another program put it in",
        _TAKEN_OUT,
        By.AGENT,
    ),
    Code.TABLE_MISSING: Kind(
        "table",
        "the node's nft table is missing",
        "somebody flushed the ruleset",
        "the agent writes it anew at its next look at the node",
        By.AGENT,
    ),
    Code.TABLE_CHANGED: Kind(
        "table",
        "the node's nft table is not what was put in force",
        "somebody changed its chains or sets",
        "the agent writes it anew at its next look at the node",
        By.AGENT,
    ),
    Code.RULE_MISSING: Kind(
        "rule",
        "a policy rule is missing",
        f"{_OTHERS}: it flushed the rules",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.RULE_STRAY: Kind(
        "rule",
        "a policy rule of ours is wanted by nobody",
        f"{_STOPPED}another program made it",
        _TAKEN_OUT,
        By.AGENT,
    ),
    Code.NODE_ROUTE_MISSING: Kind(
        "route",
        "a route of the node or of a VNIC's table is missing",
        f"{_OTHERS}: it flushed routes",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.NODE_ADDRESS_MISSING: Kind(
        "address",
        "a VNIC's host address is missing on its link",
        f"{_OTHERS}: it flushed addresses",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.NODE_LINK_CHANGED: Kind(
        "link",
        "a VNIC's link is down or has another MTU",
        f"{_OTHERS}: a network manager does that",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.SETTING_CHANGED: Kind(
        "setting",
        "a kernel setting is not as the datapath needs it",
        "sysctl, or another network plugin, set it",
        _NEXT_LOOK,
        By.AGENT,
    ),
    Code.NO_PRIMARY: Kind(
        "node",
        "the node has no default route",
        f"{_OTHERS}; without it the primary VNIC is not known",
        "give the node its default route back; the agent goes on from there",
        By.YOU,
    ),
    Code.VNIC_WITHOUT_LINK: Kind(
        "vnic",
        "a VNIC of the object has no link on the node",
        "the VNIC was detached, or the kernel has not seen it yet",
        "look for it in the kernel's log; if it was detached, the controller attaches another",
        By.YOU,
    ),
    Code.VNIC_NOT_TAKEN: Kind(
        "vnic",
        "a VNIC of the object has no number in the ledger",
        "the agent has not followed the object's status yet",
        "the agent takes it as soon as the object is SUCCESS",
        By.AGENT,
    ),
    Code.VNIC_LEFT_OVER: Kind(
        "vnic",
        "the ledger numbers a VNIC that the object does not list",
        "the agent has not followed the object's status yet",
        "the agent forgets it when it follows the object's status",
        By.AGENT,
    ),
    Code.WITHDRAWN_ADDRESS: Kind(
        "address",
        "a pod holds an address that the object does not list",
        "somebody took the address from the VNIC, or lowered the object's maxPodCount",
        f"the pod keeps it until it ends: {_ANEW}",
        By.YOU,
    ),
    Code.LEASE_NOT_IN_CLOUD: Kind(
        "address",
        "a pod holds an address that the cloud does not have on that VNIC",
        "somebody deleted the private IP or moved it to another VNIC; nothing reaches the pod from outside of its node",
        _ANEW,
        By.YOU,
    ),
    Code.ADDRESS_NOT_IN_CLOUD: Kind(
        "address",
        "the object lists an address that the cloud does not have on that VNIC",
        "somebody deleted the private IP, and the controller has not looked since",
        _RESYNC,
        By.CONTROLLER,
    ),
    Code.ADDRESS_NOT_LISTED: Kind(
        "address",
        "the cloud has an address on a VNIC of ours that the object does not list",
        "somebody added a private IP, or lowered the object's maxPodCount: it is left alone as surplus",
        "delete the private IP in the cloud, or raise maxPodCount",
        By.YOU,
    ),
    Code.VNIC_NOT_IN_CLOUD: Kind(
        "vnic",
        "the object lists a VNIC that the cloud has not attached",
        "somebody detached it, and the controller has not looked since",
        _RESYNC,
        By.CONTROLLER,
    ),
    Code.VNIC_NOT_LISTED: Kind(
        "vnic",
        "a VNIC of ours is attached that the object does not list",
        "its attachment is under way, or the object asks for fewer VNICs than before",
        "wait for the controller; if it stays, it is surplus: detach it once no pod uses it",
        By.CONTROLLER,
    ),
    Code.NPN_ABSENT: Kind(
        "object",
        "the node has no NativePodNetwork object",
        "nobody has written it, or it was removed",
        "write the object (docs/programs/controller.md)",
        By.YOU,
    ),
    Code.NPN_NOT_SETTLED: Kind(
        "object",
        "the NativePodNetwork object is not SUCCESS",
        "the controller is at work, or cannot reach what is asked for",
        "read the object's reason and message; the controller tries again after a minute at most",
        By.CONTROLLER,
    ),
    Code.SPOOL_WAITING: Kind(
        "file",
        "a DEL waits in the spool",
        "it was written down while no agent listened, and none has carried it out since",
        "the agent carries it out within 5 seconds while it runs",
        By.AGENT,
    ),
    Code.SPOOL_UNREADABLE: Kind(
        "file",
        "a DEL was set aside because it could not be read",
        "the disk was full, or somebody wrote into the spool",
        "the file is deleted once the ledger holds nothing for its container",
        By.AUDIT,
    ),
    Code.SPOOL_UNFINISHED: Kind(
        "file",
        "a DEL was not written to its end",
        "the CNI executable was killed; its runtime was told of no success and comes again",
        "the file is deleted",
        By.AUDIT,
    ),
    Code.AGENT_AWAY: Kind(
        "agent",
        "the agent does not answer",
        "it does not run, or it hangs",
        "start it, or read its log; until then nothing is repaired and no pod starts",
        By.YOU,
    ),
    Code.AGENT_NOT_READY: Kind(
        "agent",
        "the agent cannot serve pods",
        "something that it needs is missing",
        "mend what it names; it goes on by itself",
        By.YOU,
    ),
    Code.LEDGER_DAMAGED: Kind(
        "ledger",
        "the ledger on disk is not what was written",
        "the disk lost a part of it, or somebody wrote into the file",
        "the agent writes it afresh from memory; if it does not run, it asks the kernel when it starts",
        By.AGENT,
    ),
    Code.LEDGER_OF_ANOTHER_BOOT: Kind(
        "ledger",
        "the ledger on disk is from before the last start of the machine",
        "the agent has not run since",
        "start the agent: it ends every lease of that time",
        By.YOU,
    ),
}
