"""What touches: one module for each outside thing, none of which knows another."""
