"""Mooring: VCN-native pod networking for Kubernetes."""
