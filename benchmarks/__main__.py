"""Every comparison there is, one after the other: a table of each on stdout, figures and pictures in `build/`.

python -m benchmarks [--rounds 5] [--quick]
"""

from __future__ import annotations

import sys

from benchmarks import adding, calls, ingest, limits, live, search, seats, start, upload, usage

PROGRAMS = (seats, adding, calls, search, upload, usage, live, ingest, limits, start)

if __name__ == "__main__":
    sys.exit(max([program.main() for program in PROGRAMS]))
