"""The menu of the networks that can read an image, on Draw and on Inside."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import session


def choose_reader(place: str = "reader") -> str:
    """The menu of one place; the key of the network that is chosen there.

    A run that begins makes a menu of its own, since the old one would still send what it held: a choice in the new one
    was made by hand.
    """
    offered, shot = session.readers(), session.snapshot()
    key = f"{place}-{shot.run_id if shot is not None else 'none'}"
    session.show_in_widget(key, session.chosen_reader(offered, place))
    with st.container(key=place):
        return st.selectbox(
            "Read by",
            list(offered),
            format_func=lambda reader: offered.get(reader, reader),
            key=key,
            on_change=session.by_hand(key, partial(session.choose_reader, place=place)),
            label_visibility="collapsed",
        )
