"""Takes out of installed Python packages what no image needs: `trim.py DIRECTORY...`."""  # noqa: INP001 - a program, not a package

import sys
from pathlib import Path

from mooring.core.linux.imageset import in_libraries


def main() -> None:
    """Go through the directories; say what was saved."""
    saved = 0
    for top in map(Path, sys.argv[1:]):
        for path in sorted(top.rglob("*"), reverse=True):
            if path.is_file() and not in_libraries(str(path.relative_to(top))):
                saved += path.stat().st_size
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    sys.stdout.write(f"trimmed {saved >> 20} MiB\n")


if __name__ == "__main__":
    main()
