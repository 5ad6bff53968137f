# SPDX-License-Identifier: Apache-2.0
"""Files as the caches keep them."""

import os
import time
from hashlib import md5

DAY = 24 * 60 * 60


def write_entries(folder, count, suffix=".npz", size=100, age=2 * DAY):
    """Write files of a cache, each used a minute after the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{md5(bytes([i])).hexdigest()}{suffix}" for i in range(count)]
    for minute, path in enumerate(paths):
        path.write_bytes(b"x" * size)
        used = time.time() - age + 60 * minute
        os.utime(path, (used, used))
    return paths
