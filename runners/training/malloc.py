"""The memory of the process, kept between minibatches instead of given back to the system."""

import ctypes
import sys

# Parameters of glibc's mallopt and what they are set to: below the first size memory comes from the heap instead of the
# system, and up to the second the end of the heap stays ours when it is free.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST, _KEPT = 1 << 28, 1 << 30


def keep_freed() -> bool:
    """Keep up to a GiB of freed memory; False where the C library has no such setting (only glibc has).

    Convolutions allocate and free tens of MiB for each layer of each minibatch. By default glibc returns them to the
    system every time, and fetching them again page by page is a tenth of the work.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return all([mallopt(_MMAP_THRESHOLD, _LARGEST), mallopt(_TRIM_THRESHOLD, _KEPT)])
