"""Who holds which address."""
