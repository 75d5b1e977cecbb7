"""Plays a cluster: nodes on the local VCN, each a set of namespaces, and their pods."""
