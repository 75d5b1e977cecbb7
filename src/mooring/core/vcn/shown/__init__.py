"""How records are shown, beyond their fields; one module for each family of kinds."""
