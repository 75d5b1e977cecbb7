"""`python -m mooring`: the same as the `mooring` command, by a known interpreter."""

from mooring.cli.main import main

main()
