"""Which vector instructions NumPy found on this processor."""

from __future__ import annotations

from typing import Any

import numpy as np

# With AVX-512, OpenBLAS leaves its small-matrix path near m * k * n = 0.9 million: with 10 units, 128 rows took 52 us
# in one product and 17 us as 120 and 8; multiples of 24 rows are the quickest (0.12 us a row, against 0.19 for 64 or
# 112). With 16 units and more, cutting gained little. With AVX2 there is no such path, and cutting took 10 us of 270.
_CONFIG: Any = np.show_config(mode="dicts")
HAS_AVX512 = any(name == "X86_V4" or name.startswith("AVX512") for name in _CONFIG["SIMD Extensions"].get("found", []))
