"""Makes `python -m roark_otel.cli` the same as `roark-otel`."""

import sys

from roark_otel.cli import main

if __name__ == "__main__":
    sys.exit(main())
