"""`python -m holodriver` is the program `holodriver`."""

import sys

from holodriver.cli import main

if __name__ == "__main__":
    sys.exit(main())
