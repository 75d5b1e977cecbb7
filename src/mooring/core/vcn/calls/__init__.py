"""Every call: its path, its fields and who carries it out; one module for each family."""
