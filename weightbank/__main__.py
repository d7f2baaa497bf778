"""``python -m weightbank``."""

import sys

from weightbank.command_line import main

if __name__ == "__main__":
    sys.exit(main())
