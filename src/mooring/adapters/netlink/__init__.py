"""The kernel's networking, over rtnetlink: plans made true, taken back, and looks.

A message is good in the namespace of its socket only, and a socket stays in the namespace in which
it was opened. So a namespace costs one step inside and back, and the thread is at home again before
the first message leaves. Consecutive facts of one namespace travel in one datagram, with an
acknowledgement asked of the last; refusals of the others come by themselves.

Nothing here waits for anything but the kernel's RTNL lock, except what deletes links.
"""

from mooring.adapters.netlink.kernel import Kernel

__all__ = ["Kernel"]
