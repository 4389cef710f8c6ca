"""Foreign words as Markdown, as the label and the help of a button, and in a table."""

from __future__ import annotations

import streamlit as st

from tests.faults.attack_addresses import AWKWARD, MARKUP
from ui.words import plain

for word in (*MARKUP, *AWKWARD):
    with st.container(key=f"word-{hash(word)}"):
        st.markdown(plain(f"{word} "))
        st.button(plain(f"{word} "), key=word)
st.table({"words": [plain(word) for word in (*MARKUP, *AWKWARD)]})
