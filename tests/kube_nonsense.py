"""What a reader may meet: any JSON, and JSON that is nearly right."""

from hypothesis import strategies as st

WORDLIKE = "Node InternalIP NoSchedule Ready ADDED ERROR In True 7 10.0.0.1 https://a"
LEAVES = st.sampled_from(
    [None, True, False, 0, -1, 7, 2**70, 0.5, "", "ä\0", "x" * 300, *WORDLIKE.split()]
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(("a", "b", "ä")), inner, max_size=2)
    ),
    max_leaves=6,
)
WORDS = """
metadata name namespace uid resourceVersion labels annotations ownerReferences kind continue
deletionTimestamp spec providerID taints key effect value unschedulable status addresses type
address conditions capacity allocatable pods nodeName hostNetwork phase podIPs podIP ip message
holderIdentity leaseDurationSeconds leaseTransitions apiVersion controller generation items
mooring/pool clusters cluster users user contexts context server token exec command args env
matchLabels matchExpressions operator values details causes reason code object
"""
NEARLY = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=5)
    ),
    max_leaves=12,
)
