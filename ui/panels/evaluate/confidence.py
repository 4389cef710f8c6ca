"""The view Confidence: whether it is as often right as it says, and what refusing the doubtful images would bring."""

from __future__ import annotations

import streamlit as st

from nn_core.evaluation.report import COVERAGES
from nn_core.machine.numbers import decimal, exact, percent, probability, round_percent
from ui import session
from ui.charts.confidence import confidence_histograms, coverage_chart, reliability_diagram
from ui.components.live_plot import live_plot
from ui.panels.evaluate.place import Place
from ui.words import Markdown, plain


def confidence_view(at: Place) -> None:
    """The reliability diagram, the histograms, and coverage against accuracy."""
    found, dark = at.found, session.is_dark()
    n = f"n={found.accuracy.n:,}"
    left, middle, right = st.columns(3)
    with left:
        live_plot(
            reliability_diagram(found.before, found.after, title=f"Reliability, {n}", dark=dark),
            key="evaluate-reliability",
            height=300,
        )
        st.caption(calibration(at))
    with middle:
        histograms = confidence_histograms(*found.histograms(), title=f"Confidence, {n}", dark=dark)
        live_plot(histograms, key="evaluate-confidence", height=300)
        wrong = found.errors()
        if len(wrong):
            surest = probability(found.confidence[wrong[0]])
            st.caption(
                f"{len(wrong):,} of {found.accuracy.n:,} answers are wrong; the surest of them has {surest}. "
                "A good network is unsure where it is wrong."
            )
        else:
            st.caption(f"All {found.accuracy.n:,} answers are right.")
    with right:
        lines = [("here", found.refusing)]
        if at.beside is not None:
            lines.append(("the other", at.beside.found.refusing))
        live_plot(coverage_chart(lines, title=f"If it may refuse, {n}", dark=dark), key="evaluate-coverage", height=300)
        st.caption(coverage(at))


def calibration(at: Place) -> Markdown:
    """What the diagram says, and what the temperature does."""
    found = at.found
    fitted = "on these very images" if at.reading.split == "val" else "on the validation images"
    side = "too sure" if found.temperature > 1 else "not sure enough"
    about = f"{plain(at.reading.about)} With temperature they are softmax's. " if at.reading.about else ""
    return (
        f"{about}Confidence and accuracy differ by {exact(found.before.ece)} on average (ECE, expected calibration "
        f"error; 15 bins). The network is {side}: logits divided by T = {decimal(found.temperature)}, fitted {fitted}, "
        f"leave {exact(found.after.ece)}. The answers stay the same (Guo et al. 2017)."
    )


def coverage(at: Place) -> Markdown:
    """Accuracy where the least sure tenth is refused, and so on."""
    told = [
        f"{round_percent(wanted)} answered: {percent(accuracy, 2)} right (at least {probability(least)} sure)"
        for wanted, (_, accuracy, least) in zip(COVERAGES, at.found.refusing.at(COVERAGES), strict=False)
        if wanted in (1.0, 0.95, 0.9)
    ]
    return f"The surest answers alone: {'; '.join(told)} (Geifman & El-Yaniv 2017)."
