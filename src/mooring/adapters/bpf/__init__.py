"""The fast path in the kernel: programs at links' ingress, by bpf(2) and rtnetlink.

Nothing is pinned and no library is used. A filter at a link keeps its program, and a program its
maps; the next life of the agent finds them by the filters.
"""

from mooring.adapters.bpf.fastpath import FastPath

__all__ = ["FastPath"]
