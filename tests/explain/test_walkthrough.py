"""A training step in numbers: chains equal backprop and multiply out, new weights are the trainer's, code is ours."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.explain.walkthrough.chain import chain, forward_lines
from nn_core.explain.walkthrough.digits import Worked, number
from nn_core.explain.walkthrough.stages import stages
from nn_core.explain.walkthrough.step import Moments, Step, rate_at, replica, take_step
from nn_core.explain.walkthrough.trials import check_gradients, move, probabilities_at
from nn_core.explain.walkthrough.update import update_lines
from nn_core.nn.network import build_model
from nn_core.training.trainer import Trainer
from tests import ROOT

OPTIMIZERS = [*choices("optimizer")]
CNN = {"model": "cnn", "channels": (2, 3), "kernel": 3, "dense_units": (5,)}


def a_step(seed=0, m=1, **settings) -> Step:
    generator = np.random.default_rng(seed)
    config = RunConfig(**{"hidden": (6, 5), **settings})
    drawn = build_model(config, generator)
    model = replica(config, drawn.weights())
    model.flat[...] += 0.05 * generator.standard_normal(model.n_params)
    x = generator.random((m, *model.image_shape)) * (generator.random((m, *model.image_shape)) > 0.5)
    return take_step(model, x, generator.integers(0, 10, m))


def drawn_moments(step: Step, seed: int, t: int) -> Moments:
    generator = np.random.default_rng(seed)
    n = step.model.n_params
    names = choices("optimizer")[step.config.optimizer].target.state_names
    return Moments(t, {name: generator.random(n) * 1e-3 for name in names})


def some_weights(step: Step, generator: np.random.Generator) -> list[tuple[str, tuple[int, ...]]]:
    """A weight and a bias of each layer, of those whose gradient is not 0 where there are any."""
    found = []
    for name, values in step.data_gradients.items():
        if name.endswith((".W", ".b")):
            alive = np.argwhere(values) if values.any() else np.argwhere(np.isfinite(values))
            found.append((name, tuple(int(i) for i in alive[generator.integers(len(alive))])))
    return found


def value_of(text: str) -> float:
    """What the numbers of a line give, worked out from its text alone."""
    for sign, python in (("−", "-"), ("×", "*"), ("^", "**"), ("²", "**2")):
        text = text.replace(sign, python)
    text = re.sub(r"√([\d.e+-]+)", r"(\1)**0.5", text)
    assert re.fullmatch(r"[\d.e+\-*/() ]+", text), text
    return float(eval(text))


def multiplies_out(line: Worked) -> None:
    shown = number(line.result)
    for share in line.rows:
        if share.first:
            found = number(share.first) * number(share.second)
            assert found == pytest.approx(number(share.product), rel=1e-7, abs=1e-300)
    found = sum(number(share.product) for share in line.rows) if line.rows else value_of(line.numbers)
    assert f"{found:.7g}" == f"{shown:.7g}" or found == pytest.approx(shown, rel=6e-8)
    assert shown == pytest.approx(line.value, rel=1e-6, abs=1e-300)


NETWORKS = [
    dict(
        seed=seed,
        m=1 + seed % 3,
        hidden=((), (4,), (6, 5), (5, 4, 3))[seed % 4],
        activation=[*choices("activation")][seed % len(choices("activation"))],
        loss=[*choices("loss")][seed % len(choices("loss"))],
        normalization=("none", "layer", "none", "batch")[seed % 4],
        optimizer=[name for name in OPTIMIZERS if seed % 4 or name != "muon"][seed % (len(OPTIMIZERS) - 1)],
        l2=(0.0, 0.01)[seed % 2],
        l1=(0.0, 0.0, 0.002)[seed % 3],
        clip_norm=(0.0, 0.5)[seed % 5 == 1],
        max_norm=(0.0, 0.4)[seed % 7 == 2],
        label_smoothing=(0.0, 0.1)[seed % 6 == 5],
    )
    | ({} if seed % 4 else {"normalization": "none"})
    for seed in range(50)
]


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: str(settings["seed"]))
def test_every_chain_equals_backprop_and_multiplies_out_on_the_screen(settings):
    step = a_step(**settings)
    step = take_step(step.model, step.x, step.labels, moments=drawn_moments(step, settings["seed"], t=3))
    for name, index in some_weights(step, np.random.default_rng(settings["seed"])):
        lines = chain(step, name, index)
        assert number(lines[0].result) == pytest.approx(step.data_gradients[name][index], rel=1e-6, abs=1e-15)
        ahead = forward_lines(step, name, index, 0)
        update = update_lines(step, name, index)
        for line in (*lines, *ahead, *update):
            multiplies_out(line)
        assert number(update[-1].result) == pytest.approx(step.after[name][index], rel=1e-6)


@pytest.mark.parametrize(
    "more", [{}, {"pooling": "average", "head": "average"}, {"normalization": "batch", "padding": 1}]
)
@pytest.mark.parametrize("m", [1, 2])
def test_the_chain_of_a_convolutional_network_goes_through_window_pool_and_maps(more, m):
    step = a_step(3, m, **CNN, **more)
    for name, index in some_weights(step, np.random.default_rng(1)):
        lines = chain(step, name, index)
        assert number(lines[0].result) == pytest.approx(step.data_gradients[name][index], rel=1e-6)
        for line in (*lines, *forward_lines(step, name, index, 0), *update_lines(step, name, index)):
            multiplies_out(line)


@pytest.mark.parametrize("settings", [{"hidden": (6, 5)}, CNN, {"normalization": "layer"}], ids=str)
def test_each_line_of_a_chain_is_a_gradient_that_backprop_has(settings):
    """The symbol at the left names an array and a place: there backprop has the same number."""
    step = a_step(5, 2, **settings)
    known = {f"d{name}": values for at, passed in enumerate(step.passed) for name, values in _outputs(step, at)}
    seen = 0
    for name, index in some_weights(step, np.random.default_rng(2)):
        for line in chain(step, name, index)[1:]:
            named = re.fullmatch(r"\\mathrm\{d\}(\w)(?:_\{(\d+)\})?\[([\d,]+)\]", line.symbol)
            if named:
                of, place = f"d{named[1]}{named[2] or ''}", tuple(map(int, named[3].split(",")))
                assert number(line.result) == pytest.approx(known[of][place], rel=1e-6, abs=1e-15), line.symbol
                seen += 1
    assert seen > 10


def _outputs(step: Step, at: int):
    from nn_core.explain.walkthrough.symbols import letter

    yield letter(step.passed[at]), step.passed[at].dout


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_new_weights_are_those_of_the_trainer_after_the_same_step(mnist, optimizer):
    config = RunConfig(hidden=(7,), optimizer=optimizer, lr=0.01, batch_size=8, n_train=200, epochs=2, l2=0.001,
                       clip_norm=1.0, schedule="cosine", weight_decay=0.1)  # fmt: skip
    trainer = Trainer(config, mnist)
    for _ in range(7):
        trainer.step()
    before = trainer.checkpoint()
    state = {
        name.removeprefix("optimizer."): values for name, values in before.arrays.items() if name.startswith("opt")
    }
    assert trainer._order is not None
    order = trainer._order[trainer._position : trainer._position + 8]
    model = replica(trainer.config, trainer.model.weights())
    images, labels = mnist.train_images[order], mnist.train_labels[order]
    step = take_step(
        model, model.inputs(images), labels, rate_at(config, trainer.epoch), Moments(before.updates, state)
    )
    trainer.step()
    for name, values in trainer.model.named_params():
        moved = np.abs(step.after[name] - step.before[name]).max()
        assert np.abs(step.after[name] - values).max() < 1e-3 * moved + 1e-6, name
    assert step.t == trainer.optimizer.t and step.lr == pytest.approx(trainer.optimizer.lr, rel=1e-6)


EVERY_KIND = [{}, {"normalization": "batch"}, {"normalization": "layer", "l2": 0.1, "clip_norm": 0.1}, CNN,
              {**CNN, "pooling": "average", "head": "average", "normalization": "batch"}]  # fmt: skip


@pytest.mark.parametrize("settings", EVERY_KIND, ids=str)
def test_the_code_of_every_stage_is_that_of_the_repository_and_has_a_line_at_work(settings):
    for stage in stages(a_step(1, 2, **settings)):
        assert stage.formula and stage.words.endswith(".") and stage.codes, stage.title
        for code in stage.codes:
            found = (ROOT / code.path).read_text(encoding="utf-8").splitlines()[code.first - 1 :]
            assert [line.strip() for line in code.lines] == [line.strip() for line in found[: len(code.lines)]]
            assert code.at_work, f"{stage.title}: {code.name}"


@pytest.mark.parametrize("kind", ["activation", "loss", "optimizer"])
def test_whatever_is_registered_has_its_code_marked_in_every_stage(kind):
    for name in choices(kind):
        assert all(code.at_work for stage in stages(a_step(**{kind: name})) for code in stage.codes), name


def test_the_stages_go_from_the_pixels_to_the_new_weights_and_each_begins_where_the_last_ended():
    titles = [stage.title.split(":")[0] for stage in stages(a_step(hidden=(4,), l2=0.1))]
    assert titles == ["Input X", "Z1", "A1", "Z2", "p", "L", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1",
                      "Regularization's share", "New weights"]  # fmt: skip
    step = a_step(1, 2, **CNN)
    for one, next_one in pairwise(step.passed):
        assert one.out is next_one.x and one.dout is next_one.dx


def test_the_tangent_touches_the_curve_and_moving_a_weight_leaves_the_step_as_it_was():
    step = a_step(2, 3, normalization="batch", l2=0.01)
    kept = step.model.flat.copy(), step.model.running.copy()
    name, index = some_weights(step, np.random.default_rng(0))[0]
    moved = move(step, name, index, 1e-4)
    assert np.abs(moved.losses - moved.tangent).max() < 1e-6
    assert moved.losses[len(moved.losses) // 2] == pytest.approx(step.data_loss + step.penalty, rel=1e-12)
    loss, p = probabilities_at(step, name, index, float(moved.values[-1]))
    assert loss == pytest.approx(moved.losses[-1]) and p.shape == (3, 10)
    assert (step.model.flat == kept[0]).all() and (step.model.running == kept[1]).all()


@pytest.mark.parametrize("settings", [{"activation": "tanh"}, {"activation": "gelu", "loss": "mse"}], ids=str)
def test_backprop_agrees_with_central_differences_and_a_wrong_gradient_is_named(settings):
    step = a_step(4, 2, hidden=(3,), **settings)
    check = check_gradients(step, "dense2.W")
    assert check.n_checked == 30 and np.nanmax(check.errors) < 1e-5
    step.data_gradients["dense2.W"][1, 4] += 0.1
    wrong = check_gradients(step, "dense2.W")
    assert wrong.worst == (1, 4) and wrong.errors[1, 4] > 0.1
