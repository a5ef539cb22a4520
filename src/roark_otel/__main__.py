"""Makes `python -m roark_otel` the same as `roark-otel`."""

import sys

from roark_otel_cli import main

if __name__ == "__main__":
    sys.exit(main())
