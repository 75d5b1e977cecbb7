"""Nothing can be chosen of a pod but what it gets anyway."""

import pytest

from mooring.core.cni.conf import NO_CHOICE
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.request import Add, AttachmentId, NetConf
from mooring.core.wiring import wishes
from mooring.core.wiring.names import macs

POD = AttachmentId("mooring", "c1", "eth0")
OWN = macs(POD)[1]


def an_add(**args: str) -> Add:
    conf = NetConf(cni_version="1.0.0", name="mooring", type="mooring")
    return Add(id=POD, netns="/run/netns/c1", conf=conf, args=args)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"IP": "10.0.8.9"}, 'IP="10.0.8.9"'),
        ({"MAC": "02:00:00:00:00:01"}, 'MAC="02:00:00:00:00:01"'),
        ({"IP": "10.0.8.9", "MAC": "02:00:00:00:00:01"}, 'IP="10.0.8.9"'),
    ],
)
def test_a_choice_is_refused(args: dict[str, str], words: str) -> None:
    with pytest.raises(CniError) as caught:
        wishes.refuse(an_add(**args))

    assert caught.value.code is Code.INVALID_ENVIRONMENT
    assert caught.value.msg == f"CNI_ARGS: {words}: {NO_CHOICE}"


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"IP": "", "MAC": ""},
        {"K8S_POD_NAME": "a"},
        {"IP": "10.0.8.9", "MAC": OWN},
        {"MAC": OWN.upper()},
    ],
)
def test_what_the_container_had_is_no_choice(args: dict[str, str]) -> None:
    wishes.refuse(an_add(**args))
