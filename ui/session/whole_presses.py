"""A press is carried out whole, also where the next one comes a moment later.

Streamlit 1.67 looks for waiting requests whenever st.session_state is touched. One that comes between a press and the
end of its callback then ends the callback half-way, or loses the press. Here the next request waits until the callbacks
of the one before it have returned (with `fastReruns = false` in .streamlit/config.toml, which keeps it in a queue).
"""

from __future__ import annotations

import functools
from typing import Any

from streamlit.runtime.state.safe_session_state import SafeSessionState


def carry_out_presses_whole() -> None:
    """Let no request interrupt the callbacks of another, in this process. Called twice, it does nothing more.

    Streamlit has no setting for it, so two of its private names are used; tests/ui/test_whole_presses.py and
    tests/browser/test_presses.py fail where another version has others.
    """
    original = SafeSessionState.on_script_will_rerun
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def without_interruption(self: SafeSessionState, *states: Any, **more: Any) -> None:
        interrupt = self._yield_callback
        object.__setattr__(self, "_yield_callback", lambda: None)
        try:
            original(self, *states, **more)
        finally:
            object.__setattr__(self, "_yield_callback", interrupt)

    SafeSessionState.on_script_will_rerun = without_interruption  # type: ignore[method-assign]
