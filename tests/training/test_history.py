"""Scalar series: append-only, readable while they grow, and thinned without losing a spike."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.training import history as history_module
from nn_core.training.history import FEWEST_SERIES, History, Series, downsample, over_lr_step, smooth
from nn_core.training.trainer import Trainer

finite = st.floats(-1e6, 1e6)
curves = arrays(np.float64, st.integers(0, 3000), elements=finite, fill=finite)


def record(history: History, *steps: int, name: str = "val/loss") -> None:
    for step in steps:
        history.record(name, step * 10.0, step=step, epoch=step / 4, images=step * 64, seconds=step / 100)


def test_a_point_comes_back_with_all_its_columns():
    history = History()
    record(history, 3, 5)
    series = history["val/loss"]
    assert (series.name, len(series), series.last) == ("val/loss", 2, 50.0)
    columns = [series.step, series.epoch, series.images, series.seconds, series.value]
    assert [column.tolist() for column in columns] == [[3, 5], [0.75, 1.25], [192, 320], [0.03, 0.05], [30, 50]]
    assert np.array_equal(series.x("images"), series.images)


def test_a_series_without_points_is_empty_and_its_last_value_is_no_number():
    history = History()
    assert len(history.so_far("val/loss")) == 0 and np.isnan(history.so_far("val/loss").last) and history.series() == {}


def test_a_history_behaves_as_a_dict_does():
    history = History()
    assert len(history) == 0 and list(history) == [] and "val/loss" not in history and history.get("val/loss") is None
    for name in ("val/loss", "train/loss"):
        history.record(name, 1.5, step=1, epoch=0.1, images=64, seconds=0.1)
    assert list(history) == ["val/loss", "train/loss"] and len(history) == 2 and "val/loss" in history
    assert {name: series.last for name, series in history.items()} == dict.fromkeys(history, 1.5)
    with pytest.raises(KeyError, match="nothing was recorded as 'val_loss'; there is val/loss, train/loss"):
        history["val_loss"]
    assert history != history.copy() and len({history, history.copy()}) == 2


@given(st.lists(st.integers(1, 200), max_size=5))
def test_a_view_stays_as_it_was_while_points_are_added(counts: list[int]):
    history, step = History(), 0
    views = []
    for count in counts:
        record(history, *range(step, step + count))
        step += count
        views.append((step, history["val/loss"]))
    for length, view in views:
        assert view.step.tolist() == list(range(length)) and view.value.tolist() == [10.0 * i for i in range(length)]


def test_a_view_cannot_be_written_to():
    history = History()
    record(history, 1)
    with pytest.raises(ValueError, match="read-only"):
        history["val/loss"].value[0] = 3
    record(history, 2)  # the history itself still can
    assert len(history["val/loss"]) == 2


def test_growing_a_series_copies_seldom():
    history = History()
    bases = set()
    for step in range(10_000):
        record(history, step)
        bases.add(id(history._rows["val/loss"]))
    assert len(bases) < 12


def test_another_thread_always_reads_whole_points():
    history = History()
    wrong: list[str] = []
    published = [history.so_far("val/loss")]

    def read() -> None:
        while len(published[-1]) < 5000:
            series = published[-1]
            if not np.array_equal(series.value, 10 * series.step) or not (np.diff(series.step) == 1).all():
                wrong.append(f"at {len(series)}")

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(5000):
        record(history, step)
        published[-1] = history.so_far("val/loss")
    reader.join()
    assert wrong == []


def test_a_copy_goes_its_own_way():
    history = History()
    record(history, 1, 2)
    other = history.copy()
    record(history, 3)
    record(other, 7, 8)
    assert history["val/loss"].step.tolist() == [1, 2, 3]
    assert other["val/loss"].step.tolist() == [1, 2, 7, 8]


@given(st.integers(0, 200), st.integers(-1, 210))
def test_what_came_after_a_step_is_forgotten_and_older_views_keep_it(n: int, step: int):
    history = History()
    record(history, *range(n))
    record(history, *range(0, n, 7), name="batch/loss")
    before = history.so_far("val/loss")
    history.drop_after(step)
    assert history.so_far("val/loss").step.tolist() == [i for i in range(n) if i <= step]
    assert history.so_far("batch/loss").step.tolist() == [i for i in range(0, n, 7) if i <= step]
    record(history, 1000, 1001)
    assert history.so_far("val/loss").step.tolist() == [*(i for i in range(n) if i <= step), 1000, 1001]
    assert before.step.tolist() == list(range(n))


def test_the_points_until_a_step_are_those_up_to_and_with_it():
    history = History()
    for step in (0, 1, 2, 4):
        history.record("val/loss", float(step), step=step, epoch=0.0, images=0, seconds=0.0)
    whole = history["val/loss"]
    assert {step: whole.until(step).value.tolist() for step in (0, 3, 9)} == {0: [0], 3: [0, 1, 2], 9: [0, 1, 2, 4]}
    assert len(whole.until(-1)) == 0


# ---------------------------------------------------------------------------------------------- a bounded size


def test_a_run_without_instruments_has_as_many_series_as_a_full_share_is_kept_for(tiny: Dataset):
    trainer = Trainer(RunConfig(hidden=(8,), n_train=400, l2=0.01), tiny)
    trainer.step()
    trainer.score()
    assert len(trainer.history.series()) == FEWEST_SERIES


def grown(n: int, names: tuple[str, ...] = ("val/loss",), seed: int = 0) -> tuple[History, np.ndarray]:
    """Series of n random values, a point every third step, and the values."""
    history, values = History(), np.random.default_rng(seed).normal(size=n)
    for at, value in enumerate(values):
        for name in names:
            history.record(name, value, step=3 * at, epoch=at / 7, images=at * 50, seconds=at / 100)
    return history, values


@pytest.mark.parametrize("n", [20, 699, 700, 701, 1_000, 5_000, 30_000])
def test_a_series_of_any_length_keeps_its_beginning_its_end_and_its_extremes(n: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 700)
    history, values = grown(n)
    series = history["val/loss"]
    assert len(series) == n if n <= 700 else 500 < len(series) <= 700
    steps = series.step.astype(int)
    assert (np.diff(steps) > 0).all() and np.array_equal(series.value, values[steps // 3])
    first, newest = min(n, 700 // 16), min(n, 700 // 2)
    assert np.array_equal(steps[:first], 3 * np.arange(first))
    assert np.array_equal(steps[-newest:], 3 * np.arange(n - newest, n))
    assert series.value.max() == values.max() and series.value.min() == values.min()
    assert np.array_equal(series.images, steps // 3 * 50) and np.array_equal(series.seconds, steps / 3 / 100)


def test_what_is_old_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 700)
    steps = grown(50_000)[0]["val/loss"].step
    between = steps[700 // 16 : -700 // 2]
    assert np.diff(between).max() < 5 * (between[-1] - between[0]) / (700 // 8)


def test_many_series_together_keep_no_more_points_than_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 700)
    history, _ = grown(3_000, tuple(f"val/{number}" for number in range(30)))
    assert sum(map(len, history.series().values())) <= 7 * 700


def test_a_view_taken_before_a_series_was_thinned_stays_as_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 64)
    history = History()
    record(history, *range(64))
    view = history["val/loss"]
    record(history, 64, 65)
    assert view.step.tolist() == list(range(64)) and len(history["val/loss"]) < 60


def test_a_history_that_is_copied_thins_as_the_one_it_comes_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 100)
    one = grown(150)[0]
    other = one.copy()
    for history in (one, other):
        record(history, *range(1_000, 1_300))
    assert np.array_equal(one["val/loss"].points, other["val/loss"].points)


def test_values_that_are_no_numbers_do_not_hide_an_extreme(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 100)
    history = History()
    for step in range(1_000):
        value = float("nan") if step % 2 else 7.0 if step == 300 else 1.0
        history.record("val/loss", value, step=step, epoch=0.0, images=0, seconds=0.0)
    assert np.nanmax(history["val/loss"].value) == 7.0


def test_the_points_counted_at_a_step_lead_no_further_after_the_series_was_thinned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 100)
    history = grown(150)[0]
    assert history.first({"val/loss": 120}, 3 * 119)["val/loss"].step[-1] <= 3 * 119
    assert history.first({"val/loss": 2}, 10**9)["val/loss"].step.tolist() == [0, 3]


# ---------------------------------------------------------------------------------------------- thinning


@given(curves, st.integers(1, 500))
def test_thinning_keeps_the_extremes_the_ends_and_the_order_in_about_n_points(y: np.ndarray, n: int):
    x = np.arange(len(y)) * 2.0
    few_x, few_y = downsample(x, y, n)
    assert len(few_x) == len(few_y) <= max(n, 2) + 2
    if len(y) <= n:
        assert np.array_equal(few_x, x) and np.array_equal(few_y, y)
        return
    assert few_y.max() == y.max() and few_y.min() == y.min()
    assert few_x[0] == x[0] and few_x[-1] == x[-1]
    assert (np.diff(few_x) > 0).all()
    assert np.array_equal(y[(few_x / 2).astype(int)], few_y)


@given(st.integers(0, 9999))
def test_a_single_spike_stays(at: int):
    y = np.zeros(10_000)
    y[at] = 5.0
    x, few = downsample(np.arange(10_000.0), y, 100)
    assert x[few.argmax()] == at


def test_values_that_are_no_numbers_are_left_out():
    y = np.array([1.0, np.nan, 3.0, np.inf, 2.0])
    x, few = downsample(np.arange(5.0), y)
    assert x.tolist() == [0, 2, 4] and few.tolist() == [1, 3, 2]
    assert len(downsample(np.arange(2.0), np.full(2, np.nan))[0]) == 0


# ---------------------------------------------------------------------------------------------- smoothing


@given(finite, st.integers(1, 200), st.floats(0, 0.999))
def test_a_constant_smoothed_is_the_constant(value: float, n: int, weight: float):
    assert smooth(np.full(n, value), weight) == pytest.approx(np.full(n, value), rel=1e-9, abs=1e-9)


@given(curves.filter(lambda y: len(y) > 0), st.floats(0, 0.999))
def test_a_smoothed_curve_stays_between_the_extremes_and_begins_where_it_begins(y: np.ndarray, weight: float):
    smoothed = smooth(y, weight)
    slack = 1e-9 * (1 + np.abs(y).max())
    assert smoothed.shape == y.shape and smoothed[0] == pytest.approx(y[0], abs=slack)
    assert smoothed.min() >= y.min() - slack and smoothed.max() <= y.max() + slack


def test_smoothing_has_the_values_derived_by_hand():
    # weight 1/2: y0; (y0/2 + y1)/(3/2); (y0/4 + y1/2 + y2)/(7/4)
    assert smooth(np.array([8.0, 2.0, 6.0]), 0.5) == pytest.approx([8, 4, (2 + 1 + 6) / 1.75])
    assert smooth(np.array([8.0, 2.0, 6.0]), 0.0).tolist() == [8, 2, 6]
    assert len(smooth(np.zeros(0), 0.5)) == 0


# ---------------------------------------------------------------------------------------------- lr x step


def rated(rates: dict[int, float], steps: list[int]) -> dict[str, Series]:
    history = History()
    for step, rate in rates.items():
        history.record("train/lr", rate, step=step, epoch=step, images=step, seconds=step)
    for step in steps:
        history.record("val/loss", 1.0, step=step, epoch=step, images=step, seconds=step)
    return history.series()


def test_at_a_fixed_rate_a_point_lies_at_the_rate_times_its_step():
    placed = over_lr_step(rated({0: 0.1, 50: 0.1, 100: 0.1}, [0, 7, 50, 130]))
    np.testing.assert_allclose(placed["val/loss"].x("lr_step"), [0, 0.7, 5, 13])
    assert placed["val/loss"].until(50).x("lr_step").tolist() == pytest.approx([0, 0.7, 5])
    np.testing.assert_array_equal(placed["val/loss"].value, np.ones(4))


def test_where_the_rate_changes_the_rates_of_all_steps_so_far_are_summed():
    scored = rated({0: 0.1, 10: 0.2, 20: 0.4}, [0, 5, 10, 20, 30])
    np.testing.assert_allclose(over_lr_step(scored)["val/loss"].x("lr_step"), [0, 0.5, 1.0, 3.0, 7.0])
    edited = rated({0: 0.1, 100: 0.3}, [0, 40, 50, 100, 110])
    placed = over_lr_step(edited, [(40, 3.0)])
    np.testing.assert_allclose(placed["val/loss"].x("lr_step"), [0, 4, 7, 22, 25])
    newest = over_lr_step(rated({0: 0.1}, [0, 10, 20]), [(10, 10.0)])
    np.testing.assert_allclose(newest["val/loss"].x("lr_step"), [0, 1, 11])


def test_the_sum_agrees_with_what_a_trainer_of_a_schedule_really_used(tiny: Dataset):
    config = RunConfig(n_train=200, batch_size=50, epochs=5, schedule="linear", warmup=0.0, eval_every=1, hidden=(4,))
    trainer, total, expected = Trainer(config, tiny), 0.0, [0.0]
    for _ in range(20):
        total += trainer.config.lr * trainer.lr_multiplier
        trainer.step()
        expected.append(total)
    np.testing.assert_allclose(over_lr_step(trainer.history.series())["val/loss"].x("lr_step"), expected)


def test_a_run_that_does_not_tell_its_rates_has_no_points_there():
    placed = over_lr_step(rated({}, [0, 10]))
    assert len(placed["val/loss"]) == 0 and len(placed["val/loss"].x("lr_step")) == 0
