"""The page Draw: which network reads the sketch."""

from __future__ import annotations

import numpy as np
from streamlit.testing.v1 import AppTest

from nn_core import load_shipped
from nn_core.nn.network import Network, from_weights
from nn_core.sketch.doubt import Doubt, doubt_of
from nn_core.sketch.to_mnist import to_mnist
from tests.pages.looking import at, fails, menu, words
from ui.session.drawing import CANVAS_SIDE, State
from ui.session.readers import Reader

KEPT: list[Reader] = []  # what the script of a test is given


def test_before_there_is_a_run_the_network_of_the_project_reads(app):
    assert "Read by the network that comes with Glassnet" in words(at(app, "pages/play/draw.py"))


def test_the_sketch_is_read_by_whom_the_menu_says(app, with_run):
    other = with_run(hidden=(7,))
    with_run(model="cnn", channels=(3,), n_train=400)
    shown = at(app, "pages/play/draw.py")
    assert "Read by the network **conv 3, 5x5, dense 10**" in words(shown)
    menu(shown, "reader").set_value(other.id).run()
    assert not fails(shown) and "Read by a stored run, the network **784-7-10**" in words(shown)
    menu(shown, "reader").set_value("shipped").run()
    assert not fails(shown) and "Read by the network that comes with Glassnet" in words(shown)


def test_a_reader_chosen_by_hand_counts_though_a_run_has_just_begun(app):
    shown = at(app, "pages/play/draw.py")
    assert menu(shown, "reader").value == "shipped"
    shown.button(key="empty-train").click().run()
    assert menu(shown, "reader").value == "live" and "Read by the network **784-32-10**" in words(shown)
    menu(shown, "reader").set_value("shipped").run()
    assert menu(shown, "reader").value == "shipped" and "Read by the network that comes with Glassnet" in words(shown)


def test_two_stored_runs_of_the_same_settings_are_told_apart_in_the_menu(app, with_run):
    alike = [with_run(hidden=(6,)) for _ in range(2)]
    with_run()
    shown = at(app, "pages/play/draw.py")
    for run in alike:
        menu(shown, "reader").set_value(run.id).run()
        assert menu(shown, "reader").value == run.id and not fails(shown)


def test_of_linear_outputs_it_says_what_is_shown_as_probabilities(app, with_run):
    with_run(loss="linear_mse")
    shown = at(app, "pages/play/draw.py")
    shown.button(key="sketch-show").click().run()
    assert not fails(shown) and "shown are the probabilities nearest to its ten outputs" in words(shown)
    menu(shown, "reader").set_value("shipped").run()
    assert "nearest to its ten outputs" not in words(shown)


# ---------------------------------------------------------------------------------------------- how sure it is


def drawn(app, *columns: int):
    """The page with a sketch of upright strokes that begin at these columns."""
    canvas = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    for column in columns:
        canvas[60:220, column : column + 18] = 255
    shown = at(app, "pages/play/draw.py")
    shown.session_state["sketchpad"]._push(State((), to_mnist(canvas)))
    return shown.run()


def said(shown) -> str:
    """What stands in the large line, and under the bars."""
    return "\n".join([*(str(part.proto.body) for part in shown.get("html")), words(shown)])


def test_the_page_says_how_sure_the_reading_is_and_from_where_on_it_refuses(app):
    shown = drawn(app, 130)
    assert not fails(shown) and "Read as 1, with" in said(shown) and "Before calibration" in said(shown)
    assert "Strangeness" in said(shown) and "it is called no digit" in said(shown)


def test_two_digits_with_a_gap_are_a_number_to_every_network(app, with_run):
    shown = drawn(app, 60, 180)
    assert not fails(shown) and "the number 11" in said(shown)
    assert "sketch-inside" not in {button.key for button in shown.button}
    with_run(model="cnn", channels=(3,), n_train=400)
    shown = drawn(app, 60, 180)
    assert not fails(shown) and "is being found out" not in said(shown).split("Strangeness")[-1]


def test_what_is_known_of_a_network_that_trains_serves_for_a_while(app, with_run, monkeypatch):
    asked: list[Network] = []

    def ask(model: Network) -> Doubt:
        asked.append(model)
        return doubt_of(model)

    monkeypatch.setattr("ui.session.doubting.doubt_of", ask)
    of = Reader(load_shipped(), "", "run", learns=True)
    other = from_weights(of.model.config, {name: values * 1.01 for name, values in of.model.weights().items()})

    def script():
        import streamlit as st

        from tests.pages.test_draw import KEPT
        from ui.session.doubting import doubt_about

        st.write(str(doubt_about(KEPT[0]) is not None))

    KEPT[:] = [of]
    page = AppTest.from_function(script).run()
    KEPT[:] = [Reader(other, "", "run", learns=True)]
    page.run()
    assert not page.exception and [text.value for text in page.markdown] == ["True"]
    assert other not in asked, "the other weights are a few steps on"
