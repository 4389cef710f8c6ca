"""Which vector instructions NumPy found on this processor."""

from __future__ import annotations

from typing import Any

import numpy as np

_CONFIG: Any = np.show_config(mode="dicts")
HAS_AVX512 = any(name == "X86_V4" or name.startswith("AVX512") for name in _CONFIG["SIMD Extensions"].get("found", []))
