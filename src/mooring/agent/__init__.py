"""Drives a node: pods come and go, VNICs are set up, what drifts is repaired."""
