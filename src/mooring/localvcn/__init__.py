"""The local VCN: the cloud's API and its packets, played on one machine."""
