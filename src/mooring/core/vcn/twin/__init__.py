"""A copy of a VCN: read from a cloud, written to a file, compared, brought up here."""
