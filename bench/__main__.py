"""`python bench` from the root of the repository."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # so that the files here are bench.*, and shadow nothing

from bench.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
