"""The page Draw: which network reads the sketch."""

from __future__ import annotations

from tests.pages.looking import at, fails, menu, words


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
