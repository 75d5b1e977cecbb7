"""A node's cables as plans: a pod's, a VNIC's, the node's own."""
