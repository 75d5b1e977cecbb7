"""Addresses and names of the cloud as numbers and text."""
