"""ministack on a clock that stands still: eight bytes of a file, seconds since 1970 as a double."""

import mmap
import os
import struct
import time

with open(os.environ["CLOCK"], "r+b") as clock:
    seconds = mmap.mmap(clock.fileno(), 8)

time.time = lambda: struct.unpack_from("<d", seconds)[0]

from ministack.app import main  # noqa: E402

main()
