"""Carrying out what is safe, through those who own it. The audit itself changes no network."""

import json

from mooring.adapters import agentcall, spool
from mooring.core.cni.frames import ASK, Call
from mooring.core.cni.request import AttachmentId
from mooring.core.wiring.audit.difference import (
    Act,
    AskAgent,
    AwaitController,
    EndLease,
    RemoveFile,
)
from mooring.inspect.look import refusal
from mooring.inspect.place import Place

SECONDS = 30.0


def carry_out(act: Act, place: Place) -> str:
    """Do one thing; give "" or why it could not be done."""
    try:
        match act:
            case AskAgent():
                return _call(place, Call({ASK: "repair"}, b""))
            case EndLease(attachment):
                return _call(place, _delete(attachment))
            case RemoveFile(name):
                spool.remove(place.spool, name)
            case AwaitController():
                pass
    except (agentcall.AgentAway, OSError) as why:
        return str(why)
    return ""


def _call(place: Place, call: Call) -> str:
    answer = agentcall.ask(place.socket, call, SECONDS)
    return refusal(answer.stdout) if answer.exit_code else ""


def _delete(attachment: AttachmentId) -> Call:
    """Write the call that the runtime owes."""
    env = {
        "CNI_COMMAND": "DEL",
        "CNI_CONTAINERID": attachment.container,
        "CNI_IFNAME": attachment.ifname,
        "CNI_NETNS": "",
        "CNI_PATH": "/",
    }
    conf = {"cniVersion": "1.0.0", "name": attachment.network, "type": "mooring"}
    return Call(env, json.dumps(conf).encode())
