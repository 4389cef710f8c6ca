"""The film: bounded, with its first and newest frame, in steps of about equal ratio; frames are near to the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.nn.network import from_weights
from nn_core.training.film import MAX_BYTES, MAX_EXACT_BYTES, MAX_FRAMES, Film, Frame, halved


def frame_of(step: int, nbytes: int = 100, exact: bool = False) -> Frame:
    """A frame of that many bytes; they are promised, not allocated."""
    array = np.broadcast_to(np.zeros(1, np.int8), (nbytes,))
    return Frame(step, step / 10, step * 50, float(step), {"W": array}, exact)


def filmed(last: int, nbytes: int = 100) -> Film:
    """What a run of `last` steps leaves, where every step is offered; steps that are not wanted are leapt over."""
    film = Film()
    step = 0
    while step <= last:
        assert film.wants(step)
        film.add(frame_of(step, nbytes))
        step = next(later for later in range(step + 1, 2 * step + 3) if film.wants(later))
    return film


class Offered:
    """A random life of a run: how far it steps, when it has a new best, pauses, or goes back."""

    events = st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.integers(1, 4000)),
            st.tuples(st.just("best"), st.just(0)),
            st.tuples(st.just("latest"), st.just(0)),
            st.tuples(st.just("back"), st.integers(1, 16)),
        ),
        max_size=40,
    )


@given(Offered.events, st.sampled_from([100, 400_000, 3_000_000, 9_000_000, 17_000_000, 40_000_000]))
def test_whatever_a_run_does_its_film_keeps_the_limits_and_its_first_frame(events: list[tuple[str, int]], nbytes: int):
    film, step = Film(), 0
    film.add(frame_of(0, nbytes))
    for what, n in events:
        if what == "run":
            for at in range(step + 1, step + n + 1):
                if film.wants(at):
                    film.add(frame_of(at, nbytes))
            step += n
        elif what == "back":
            step = max(0, step - n)
            film.drop_after(step)
        else:
            film.mark(what, frame_of(step, 2 * nbytes, exact=True))
        frames = film.frames()
        assert len(frames) <= MAX_FRAMES
        assert sum(frame.nbytes for frame in frames) <= MAX_BYTES
        assert [frame.step for frame in frames] == sorted({frame.step for frame in frames})
        assert all(frame.step <= step for frame in frames)
        assert nbytes > MAX_BYTES or frames[0].step == 0


@settings(max_examples=8)
@given(st.integers(100, 3_000_000), st.sampled_from([100, 204_000, 1_600_000, 3_700_000]))
def test_frames_are_spaced_in_about_equal_ratios_and_the_newest_is_near_the_end(last: int, nbytes: int):
    steps = np.array([frame.step for frame in filmed(last, nbytes).frames()])
    capacity = min(MAX_FRAMES, MAX_BYTES // nbytes)
    assert steps[0] == 0 and steps[-1] >= last / 1.1 - 1
    even = max((last + 1) ** (1 / (capacity - 1)), 1.0)  # the ratio if all were spaced alike
    ratios = (steps[1:] + 1) / (steps[:-1] + 1)
    wide = ratios[steps[1:] > 30]  # before that, whole steps are coarser than any ratio
    assert np.all(wide <= max(even**2.5, 1.2)), (even, ratios.max())
    assert len(steps) >= min(capacity, last) / 2


def test_a_film_of_half_a_million_steps_of_784_128_10_holds_many_frames():
    assert 50 <= len(filmed(500_000, 203_540).frames()) <= 64


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_frames_can_only_be_added_in_order(steps: list[int]):
    film = Film()
    for step in steps:
        film.add(frame_of(step))
    kept = [frame.step for frame in film.frames()]
    assert kept == sorted(set(kept)) and kept[-1] == max(steps)


def test_an_exact_frame_stands_in_for_the_other_of_its_step_and_the_newest_best_replaces_the_older():
    film = Film()
    for step in (0, 1, 2):
        film.add(frame_of(step))
    film.mark("best", frame_of(1, exact=True))
    assert [(frame.step, frame.exact) for frame in film.frames()] == [(0, False), (1, True), (2, False)]
    film.mark("best", frame_of(2, exact=True))
    assert [(frame.step, frame.exact) for frame in film.frames()] == [(0, False), (1, False), (2, True)]


def test_an_exact_frame_that_would_fill_the_film_is_left_to_its_checkpoint():
    film = Film()
    film.add(frame_of(0))
    film.mark("best", frame_of(5, MAX_EXACT_BYTES + 1, exact=True))
    assert [frame.step for frame in film.frames()] == [0]


# ---------------------------------------------------------------------------------------------- what a frame holds


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_a_network_from_a_frame_answers_nearly_as_the_one_it_shows(normalization: str, tiny: Dataset):
    trainer = Trainer(RunConfig(hidden=(16,), n_train=500, normalization=normalization), tiny)
    trainer.train_epochs(2)
    frame = Frame(8, 2.0, 1000, 0.1, halved(trainer.model.weights()))
    model = from_weights(trainer.config, frame.weights())
    images = tiny.val_images
    assert np.abs(model.predict_proba(images) - trainer.model.predict_proba(images)).max() < 5e-3
    assert frame.nbytes == sum(2 * array.size for array in trainer.model.weights().values())


@given(st.sampled_from([65504.0, 65520.0, -7e4, 1e30, np.inf, np.nan, 1e-3]))
def test_a_value_that_half_precision_cannot_hold_keeps_its_array_in_full(value: float):
    weights = {"a": np.array([[1.0, value]], np.float32), "b": np.ones(3, np.float32)}
    copies = halved(weights)
    assert copies["b"].dtype == np.float16
    back = copies["a"].astype(np.float32)
    np.testing.assert_allclose(back, weights["a"], rtol=1e-3)
    assert copies["a"].dtype == (np.float16 if abs(value) <= 65504 else np.float32)


def test_a_frames_arrays_are_read_only_and_its_own():
    weights = {"a": np.ones((3, 2), np.float32)}
    frame = Frame(0, 0.0, 0, 0.0, halved(weights))
    weights["a"][...] = 5
    assert frame.weights()["a"].max() == 1
    with pytest.raises(ValueError, match="read-only"):
        frame.arrays["a"][0] = 2
    with pytest.raises(ValueError, match="read-only"):
        frame.weights()["a"][0] = 2
