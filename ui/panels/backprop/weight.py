"""One weight, chosen by number or by a click; and how a line of its calculation is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from nn_core.explain.walkthrough.back import Index
from nn_core.explain.walkthrough.digits import Worked
from nn_core.explain.walkthrough.step import Step
from nn_core.explain.walkthrough.symbols import shape
from ui import session
from ui.words import plain

SECTION = "backprop-section"  # the switch of what is looked at more closely
OF_MATRIX, OF_KERNEL = ("row (input)", "column (unit)"), ("map made", "map read", "row", "column")


def params(step: Step) -> list[str]:
    """The arrays of weights and biases, by name."""
    return [name for name in step.before if name.endswith((".W", ".b"))]


def pick(name: str, index: Index) -> None:
    """Choose a weight."""
    session.choose("backprop-weight", (name, index))


def picked(step: Step) -> tuple[str, Index]:
    """The chosen weight; where this network has no such one, that of the largest gradient in the first layer."""
    name, index = session.chosen("backprop-weight", ("", ()))
    sizes = step.before[name].shape if name in step.before else (0,)
    if len(index) == len(sizes) and all(i < n for i, n in zip(index, sizes, strict=True)):
        return name, index
    name = params(step)[0]
    steepest = np.abs(step.data_gradients[name]).argmax()
    return name, tuple(int(i) for i in np.unravel_index(int(steepest), step.before[name].shape))


def choose_weight(step: Step) -> tuple[str, Index]:
    """The widgets that choose a weight, and the one that is chosen."""
    name, index = picked(step)
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop-weight-row"):
        names = params(step)
        labels = [f"{each} {shape(step.before[each])}" for each in names]
        key = f"backprop-param-{'-'.join(labels)}"
        at = names.index(name)
        session.show_in_widget(key, labels[at])
        picks = session.by_hand(key, lambda label: _first(step, names[labels.index(label)]))
        st.selectbox("Weights", labels, at, key=key, width=220, on_change=picks)
        sizes = step.before[name].shape
        words = OF_KERNEL if len(sizes) == 4 else OF_MATRIX if len(sizes) == 2 else ("unit",)
        for axis, (word, n) in enumerate(zip(words, sizes, strict=True)):
            _axis(name, index, axis, word, n)
    return name, index


def _axis(name: str, index: Index, axis: int, word: str, n: int) -> None:
    key = f"backprop-index-{name}-{axis}-{n}"
    session.show_in_widget(key, index[axis])

    def moved(value: int) -> None:
        pick(name, (*index[:axis], int(value), *index[axis + 1 :]))

    st.number_input(
        plain(word.capitalize()), 0, n - 1, index[axis], key=key, width=130, on_change=session.by_hand(key, moved)
    )


def _first(step: Step, name: str) -> None:
    """The weight with the largest gradient of an array."""
    steepest = np.abs(step.data_gradients[name]).argmax()
    pick(name, tuple(int(i) for i in np.unravel_index(int(steepest), step.before[name].shape)))


def show(line: Worked) -> None:
    """One line: in symbols, in numbers, in words."""
    formula = f" = {line.formula}" if line.formula else ""
    st.latex(f"{line.symbol}{formula}")
    if line.rows:
        rows = [(plain(row.first), plain(row.second), plain(row.product)) for row in line.rows]
        rows.append(("", "", plain(line.result)))
        names = [plain(row.of) for row in line.rows]
        names.append("sum")
        st.table(pd.DataFrame(rows, index=names, columns=["first", "× second", "= share"]))
    else:
        st.code(f"{line.numbers} = {line.result}" if line.numbers != line.result else line.result, language=None,
                wrap_lines=True)  # fmt: skip
    if line.words:
        st.caption(plain(line.words))
