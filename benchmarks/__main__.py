"""Every comparison there is: a table on stdout, `build/bench.json`, a picture in `build/bench.svg`.

python -m benchmarks [--database sqlite|postgresql] [--rounds 5] [--seconds 3] [--quick]
"""

from __future__ import annotations

import sys

from benchmarks import seats

if __name__ == "__main__":
    sys.exit(seats.main())
