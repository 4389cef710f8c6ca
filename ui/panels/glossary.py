"""The Glossary page: a field that searches, the term of the address on top, and all terms in two columns."""

from __future__ import annotations

import streamlit as st

from nn_core.config import shorten
from ui import session
from ui.texts import Term, glossary, page_of
from ui.texts.glossary import found
from ui.words import plain


def page() -> None:
    """The chosen term, and those that match what is searched."""
    asked = session.chosen("term")
    words = st.text_input(
        "Search the glossary",
        "",
        60,
        key="glossary-search",
        placeholder="gradient, Adam, what is learned ...",
        icon=":material/search:",
    )
    chosen = glossary().get(asked) if asked else None
    if asked and chosen is None:
        st.info(f"The glossary has no term {plain(shorten(asked))}. All that it has stand below.")
    if chosen is not None and not words:
        card(chosen)
    terms = found(words)
    if not terms:
        st.info(f"No term matches {plain(shorten(words))}. Try the beginning of a word, or one word alone.")
        return
    st.caption(f"{len(terms)} of {len(glossary())} terms" if words else f"{len(terms)} terms, by alphabet")
    half = (len(terms) + 1) // 2
    for column, part in zip(st.columns(2), (terms[:half], terms[half:]), strict=True):
        with column:
            for term in part:
                if words or term is not chosen:
                    card(term)


def card(term: Term) -> None:
    """One term: its name, what it means, its formula, where it is seen and where it comes from."""
    with st.container(border=True, key=f"term-{term.key}"):
        also = f" :small[:gray[also {', '.join(term.also)}]]" if term.also else ""
        formula = f"\n\n$\\displaystyle {term.formula}$" if term.formula else ""
        st.markdown(f"**{term.label}**{also}\n\n{term.help}{formula}\n\n:small[:gray[{term.citation}]]")
        with st.container(horizontal=True, gap="small"):
            for name, where in term.seen.items():
                st.page_link(page_of(name), label=f"{name.capitalize()}: {where}", icon=":material/visibility:")
