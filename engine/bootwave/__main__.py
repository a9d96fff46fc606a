"""``python -m bootwave`` is the bootwave command."""

import sys

from bootwave.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
