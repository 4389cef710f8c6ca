"""The figures that stand over every view of Evaluate, each with its interval, and the comparison in a sentence."""

from __future__ import annotations

import streamlit as st

from nn_core.evaluation import Paired, Share, paired
from nn_core.machine.numbers import exact, loss, percent
from ui.panels.evaluate.place import Place
from ui.words import Markdown, plain

TINY = 0.0001  # a p-value below it is not told to the digit


def summary(at: Place) -> None:
    """Accuracy, top-2 and loss of the split; where a second network stands beside, whether it reads better."""
    found = at.found
    figures = (
        f"**{plain(at.of)}**, n={found.accuracy.n:,}: accuracy **{percent(found.accuracy.value)}** "
        f"({interval(found.accuracy)}), the label among the two likeliest {percent(found.top2.value)} "
        f"({interval(found.top2)}), loss {loss(found.loss)}."
    )
    st.markdown(figures)
    if at.reading.split == "test":
        st.caption("The test images are for the end: what is chosen by them looks better than it is.")
    if at.beside is not None:
        st.markdown(compared(at))


def interval(share: Share) -> Markdown:
    """The 95 % interval of a share: "95 % interval 93.9 to 95.2 %"."""
    low, high = share.interval
    return f"95 % interval {percent(low).removesuffix(' %')} to {percent(high)}"


def compared(at: Place) -> Markdown:
    """Whether the network beside reads other images rightly, by more than chance."""
    assert at.beside is not None
    two = paired(at.found.labels, at.found.predictions, at.beside.found.predictions)
    name = plain(at.beside.name)
    if not two.only_first and not two.only_second:
        return f"Beside **{name}**: both read the same {two.both:,} images rightly."
    ours, theirs = exact(at.found.accuracy.value), exact(at.beside.found.accuracy.value)
    said = (
        f"Beside **{name}** ({theirs}; here {ours}): {two.only_first:,} images are read rightly only here, "
        f"{two.only_second:,} only there. {verdict(two)}"
    )
    return said


def verdict(two: Paired) -> Markdown:
    """McNemar's test in a sentence."""
    p = "below 0.0001" if two.p_value < TINY else f"= {two.p_value:.2g}"
    if two.is_chance:
        return f"That may be chance (McNemar's test, p {p})."
    which = "This network" if two.only_first > two.only_second else "The other network"
    return f"{which} reads better, and that is more than chance (McNemar's test, p {p})."
