"""\"What am I looking at?\" of every page: three sentences, their words in the glossary, and a way on."""

from __future__ import annotations

import streamlit as st

from ui.texts import linked, page_of, sight_of


def looking_at(page: str) -> None:
    """A button that opens the text of the page whose address ends so ("" for the first one)."""
    sight = sight_of(page or "train")
    if sight is None:
        return
    words = "What am I looking at?"
    with st.popover(words, icon=":material/info:", type="tertiary", key="looking-at", width="content"):
        st.markdown(f"**{words}** {linked(sight.help)}")
        st.page_link(page_of(sight.on), label=sight.label, icon=":material/arrow_forward:")
