"""What starts: reads the command line, builds the adapters, hands them in."""
