"""The stages of a training step, from the pixels to the new weights: formula, shapes, arrays and code of each."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.choices import choices
from nn_core.data.dataset import N_PIXELS
from nn_core.explain.walkthrough.code import Code, code_of
from nn_core.explain.walkthrough.step import Passed, Step
from nn_core.explain.walkthrough.symbols import d, latex, letter, output_of, shape
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import AvgPool2D, Conv2D, Flatten, GlobalAveragePool, MaxPool2D, Windowed, _correlate, _under
from nn_core.nn.layers import Dense
from nn_core.nn.losses import l2_penalty, softmax
from nn_core.nn.muon import Muon
from nn_core.nn.network import Network, scale_pixels
from nn_core.nn.normalization import BatchNorm, Normalization
from nn_core.nn.optimizers import Optimizer
from nn_core.nn.regularizers import add_penalty_gradients, clip_to_norm

FORWARD, LOSS, BACKWARD, UPDATE = "forward", "loss", "backward", "update"


@dataclass(frozen=True, eq=False, repr=False)
class Named:
    """An array of a stage; `param` is the parameter that it belongs to, cell by cell, where it does."""

    name: str  # "dZ1"
    values: Array
    param: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Stage:
    """One stage; `formula` in LaTeX, `shapes` in plain text; `at` is the place of its layer among `Step.passed`.

    `at` is -1 for the inputs, and of the loss and the update how many layers there are. `of` is "W" or another
    parameter where the gradient is that of the layer's own, else "".
    """

    part: str
    title: str
    words: str
    formula: str
    shapes: str
    arrays: tuple[Named, ...]
    codes: tuple[Code, ...]
    at: int
    of: str = ""


def stages(step: Step) -> list[Stage]:
    """All stages of a step in their order."""
    there = [_forward(step, at) for at in range(len(step.passed))]
    back = [stage for at in reversed(range(len(step.passed))) for stage in _backward(step, at)]
    return [_input(step), *there, *_outputs(step), _dlogits(step), *back, *_penalties(step), _update(step)]


# ---------------------------------------------------------------------------------------------- there


def _input(step: Step) -> Stage:
    formula = choices("input_scaling")[step.config.input_scaling].formula
    words = f"{_images(step)} as numbers: X has a row for each image, and a column for each pixel."
    if step.x.ndim == 2 and step.x.shape[1] != N_PIXELS:
        words = "The inputs as they are given: X has a row for each example, and a column for each input."
        code = code_of(Network.forward, "x = layer.forward")
        return Stage(FORWARD, "Input X", words, "X = x", f"X: {shape(step.x)}", (Named("X", step.x),), (code,), -1)
    if step.x.ndim == 4:
        words = f"{_images(step)} as numbers, in rows and columns, with one channel."
    return Stage(FORWARD, "Input X", words, formula, f"X: {shape(step.x)}", (Named("X", step.x),),
                 (code_of(scale_pixels, "x *=", "x +="),), -1)  # fmt: skip


def _images(step: Step) -> str:
    return "The image" if step.m == 1 else f"The {step.m} images of the batch"


def _forward(step: Step, at: int) -> Stage:
    passed = step.passed[at]
    name, before, layer = letter(passed), output_of(step, at - 1), passed.layer
    words, formula = _forward_words(step, passed, latex(name), latex(before))
    params = tuple(Named(f"{of}{passed.number}", values, f"{passed.name}.{of}") for of, values in layer.params.items())
    given = "".join(f", {each.name}: {shape(each.values)}" for each in params)
    shapes = f"{before}: {shape(passed.x)}{given} → {name}: {shape(passed.out)}"
    arrays = (Named(name, passed.out), *params)
    title = f"{name}: {_kind(passed)} {passed.number}"
    return Stage(FORWARD, title, words, formula, shapes, arrays, _forward_codes(passed), at)


def _kind(passed: Passed) -> str:
    kinds = {Dense: "sums of layer", Activation: "outputs of layer", Conv2D: "convolution", MaxPool2D: "pooling",
             AvgPool2D: "pooling", Normalization: "normalized sums of layer", Flatten: "maps in a row, after layer",
             GlobalAveragePool: "means of the maps, after layer"}  # fmt: skip
    return next((words for kind, words in kinds.items() if isinstance(passed.layer, kind)), "layer")


def _forward_words(step: Step, passed: Passed, out: str, x: str) -> tuple[str, str]:
    """One sentence on what a layer does on the way there, and its formula."""
    layer, number, config = passed.layer, passed.number, step.config
    if isinstance(layer, Dense):
        return "Each unit adds up its inputs times its weights, and its bias.", f"{out} = {x} W_{number} + b_{number}"
    if isinstance(layer, Activation):
        chosen = choices("activation")[config.activation]
        return f"{chosen.label}, value by value.", rf"{out} = \phi({x}), \quad {chosen.formula}"
    if isinstance(layer, Normalization):
        alone = " One image has no batch: the running statistics serve." if layer.state and step.m == 1 else ""
        chosen = choices("normalization")[config.normalization]
        return f"{chosen.label} normalization: centred and scaled.{alone}", f"{out} = y, \\quad {chosen.formula}"
    if isinstance(layer, Conv2D):
        formula = rf"{out}[n,o,r,s] = b_{number}[o] + \sum_{{c,i,j}} W_{number}[o,c,i,j]\, {x}[n,c,r+i,s+j]"
        return "The same kernel at every place: the window under it, times the kernel, added up.", formula
    if isinstance(layer, MaxPool2D):
        return "Of each window the largest value is kept.", rf"{out}[r,s] = \max_{{i,j}} {x}[r k + i, s k + j]"
    if isinstance(layer, AvgPool2D):
        return "Of each window the mean.", rf"{out}[r,s] = \frac{{1}}{{k^2}} \sum_{{i,j}} {x}[r k + i, s k + j]"
    if isinstance(layer, GlobalAveragePool):
        return "Of each map the mean.", rf"{out}[c] = \frac{{1}}{{H W}} \sum_{{r,s}} {x}[c,r,s]"
    return "The same values, all maps in a row.", rf"{out} = \mathrm{{flatten}}({x})"


FORWARD_MARKS = {
    Dense: ("return x @",),
    Normalization: ("self.x_hat =", "return self.params"),
    Conv2D: ("return np.ascontiguousarray",),
    MaxPool2D: ("argmax", "return np.take"),
    AvgPool2D: ("return",),
    Flatten: ("return",),
    GlobalAveragePool: ("return",),
}


def _forward_codes(passed: Passed) -> tuple[Code, ...]:
    layer = passed.layer
    if isinstance(layer, Activation):
        return code_of(type(layer).value, "return"), code_of(Activation.forward, "a = self.value")
    if isinstance(layer, Normalization):
        own = BatchNorm if isinstance(layer, BatchNorm) else type(layer)
        return code_of(own.forward, "return self._normalise"), code_of(
            Normalization._normalise, *FORWARD_MARKS[Normalization]
        )
    marks = next((marks for kind, marks in FORWARD_MARKS.items() if isinstance(layer, kind)), ("return",))
    more = (code_of(_correlate, "return"),) if isinstance(layer, Conv2D) else ()
    return code_of(type(layer).forward, *marks), *more


# ---------------------------------------------------------------------------------------------- the loss


def _outputs(step: Step) -> list[Stage]:
    """The probabilities, where softmax gives them, and the loss."""
    config, loss = step.config, choices("loss")[step.config.loss]
    found = []
    if not step.model.loss.about_probabilities:
        z = latex(output_of(step, len(step.passed) - 1))
        formula = rf"p_k = \frac{{e^{{{z}[k] - \max}}}}{{\sum_j e^{{{z}[j] - \max}}}}"
        words = "Softmax makes the outputs into probabilities: positive, and 1 in sum."
        shapes = f"{output_of(step, len(step.passed) - 1)}: {shape(step.logits)} → p: {shape(step.probabilities)}"
        arrays = (Named("p", step.probabilities), Named("Z", step.logits))
        found.append(Stage(LOSS, "p: softmax", words, formula, shapes, arrays, (code_of(softmax, "shifted"),),
                           len(step.passed)))  # fmt: skip
    words = f"{loss.label}: {step.data_loss:.6g} for this batch"
    words += f", and {step.penalty:.6g} from the penalties on weights." if step.penalty else "."
    codes = [code_of(step.model.loss.value, "return")]
    if config.l2:
        codes.append(code_of(l2_penalty, "return 0.5"))
    arrays = (Named("p", step.probabilities), Named("t", step.targets))
    formula = loss.formula.split(r", \quad")[0]
    found.append(Stage(LOSS, "L: the loss", words, formula, f"L: one number; t: {shape(step.targets)}", arrays,
                       tuple(codes), len(step.passed)))  # fmt: skip
    return found


def _dlogits(step: Step) -> Stage:
    name = f"d{output_of(step, len(step.passed) - 1)}"
    loss = choices("loss")[step.config.loss]
    parts = loss.formula.split(r", \quad")
    words = "How the loss changes with each output. The 1/m of the mean is in it."
    arrays = (Named(name, step.dlogits), Named("p", step.probabilities), Named("t", step.targets))
    return Stage(BACKWARD, f"{name}: from the loss", words, parts[-1], f"{name}: {shape(step.dlogits)}, m = {step.m}",
                 arrays, (code_of(step.model.loss.gradient, "return"),), len(step.passed))  # fmt: skip


# ---------------------------------------------------------------------------------------------- back


def _backward(step: Step, at: int) -> list[Stage]:
    """The gradients of a layer's own parameters, and those of its input; of the pixels none is needed."""
    passed = step.passed[at]
    found = _own_gradients(step, at) if passed.layer.params else []
    if at:
        found.append(_input_gradient(step, at))
    return found


def _own_gradients(step: Step, at: int) -> list[Stage]:
    passed = step.passed[at]
    layer, number, name = passed.layer, passed.number, letter(passed)
    before, found = output_of(step, at - 1), []
    for of in layer.params:
        whole = f"{passed.name}.{of}"
        formula, words, marks = _own_formula(passed, of, d(name), latex(before))
        arrays = [Named(f"d{of}{number}", step.data_gradients[whole], whole), Named(f"d{name}", passed.dout)]
        if of == "W":
            arrays.append(Named(before, passed.x))
        source = Normalization if isinstance(layer, Normalization) else type(layer)
        codes = [code_of(source.backward, *marks)]
        if isinstance(layer, Conv2D) and of == "W":
            codes.append(code_of(_under, "return"))
        given = f"{before}: {shape(passed.x)}, " if of in ("W", "gamma") else ""
        shapes = f"{given}d{name}: {shape(passed.dout)} → d{of}{number}: {shape(step.data_gradients[whole])}"
        title = f"d{of}{number}: {'weights' if of == 'W' else 'biases' if of == 'b' else of} of layer {number}"
        found.append(Stage(BACKWARD, title, words, formula, shapes, tuple(arrays), tuple(codes), at, of))
    return found


def _own_formula(passed: Passed, of: str, dout: str, x: str) -> tuple[str, str, tuple[str, ...]]:
    """Formula, sentence and marks of the gradient of one of a layer's own parameters."""
    number, is_conv = passed.number, isinstance(passed.layer, Conv2D)
    left = rf"\mathrm{{d}}{of if len(of) == 1 else chr(92) + of}_{number}"
    if of == "W" and is_conv:
        formula = rf"{left}[o,c,i,j] = \sum_{{n,r,s}} {dout}[n,o,r,s]\; {x}[n,c,r+i,s+j]"
        return formula, "One kernel serves all places: their shares are added up.", ('grads["W"]',)
    if of == "W":
        words = "Each weight: what came in along it, times the gradient of its unit, added up over the batch."
        return rf"{left} = {x}^\top\, {dout}", words, ('grads["W"]',)
    if of == "gamma":
        return rf"{left} = \sum {dout}\, \hat z", "The scale's gradient.", ('grads["gamma"]',)
    words = "Each bias: its unit's gradient, added up over the batch."
    return rf"{left} = \sum {dout}", words, (f'grads["{of}"]',)


def _input_gradient(step: Step, at: int) -> Stage:
    passed = step.passed[at]
    name, before = letter(passed), output_of(step, at - 1)
    words, formula, codes = _back_words(step, passed, d(before), d(name), latex(before))
    arrays = [Named(f"d{before}", passed.dx), Named(f"d{name}", passed.dout)]
    if isinstance(passed.layer, Activation):
        arrays.insert(1, Named("mask φ′", passed.layer.slope(passed.x, passed.out)))
    shapes = f"d{name}: {shape(passed.dout)} → d{before}: {shape(passed.dx)}"
    title = f"d{before}: back through {_through(passed)}"
    return Stage(BACKWARD, title, words, formula, shapes, tuple(arrays), codes, at)


def _through(passed: Passed) -> str:
    kinds = {Activation: "the activation", Normalization: "the normalization", MaxPool2D: "pooling",
             AvgPool2D: "pooling", Flatten: "the flattening", GlobalAveragePool: "the mean"}  # fmt: skip
    return next((words for kind, words in kinds.items() if isinstance(passed.layer, kind)), f"W{passed.number}")


def _back_words(step: Step, passed: Passed, dx: str, dout: str, x: str) -> tuple[str, str, tuple[Code, ...]]:
    layer, number = passed.layer, passed.number
    if isinstance(layer, Dense):
        words = "Back through the weights: each input gets its share of every unit that it feeds."
        return words, rf"{dx} = {dout}\, W_{number}^\top", (code_of(Dense.backward, "return"),)
    if isinstance(layer, Activation):
        words = f"The mask of {choices('activation')[step.config.activation].label}: times the slope, value by value."
        codes = code_of(Activation.backward, "return"), code_of(type(layer).slope, "return", "sigma =")
        return words, rf"{dx} = {dout} \odot \phi'({x})", codes
    if isinstance(layer, Normalization):
        own = BatchNorm if isinstance(layer, BatchNorm) else type(layer)
        codes = code_of(own.input_gradient, "return"), code_of(Normalization._centred, "return", "along")
        if isinstance(layer, BatchNorm) and not layer.on_batch:
            return "The running statistics are fixed numbers here.", rf"{dx} = \gamma\,{dout} / \sigma", codes[:1]
        formula = rf"{dx} = \tfrac{{1}}{{\sigma}} (g - \bar g - \hat z\, \overline{{g \hat z}}),\; g = \gamma\, {dout}"
        return "Mean and deviation depend on every value, so each gets a share of all.", formula, codes
    if isinstance(layer, Conv2D):
        formula = rf"{dx}[n,c,r,s] = \sum_{{o,i,j}} {dout}[n,o,r-i,s-j]\; W_{number}[o,c,i,j]"
        codes = code_of(Conv2D.backward, "return"), code_of(Windowed._gathered, "dx[", "return")
        return "Each value gets a share from every window that held it.", formula, codes
    if isinstance(layer, MaxPool2D):
        words = "Only the largest value of each window gets the gradient; the others get 0."
        return (
            words,
            rf"{dx} = {dout} \text{{ at the largest, }} 0 \text{{ elsewhere}}",
            (code_of(MaxPool2D.backward, "return"),),
        )
    if isinstance(layer, AvgPool2D):
        return "All values of a window share alike.", rf"{dx} = {dout} / k^2", (code_of(AvgPool2D.backward, "share"),)
    if isinstance(layer, GlobalAveragePool):
        code = code_of(GlobalAveragePool.backward, "share =")
        return "All places of a map share alike.", rf"{dx} = {dout} / (H W)", (code,)
    return (
        "The same values, as maps again.",
        rf"{dx} = \mathrm{{maps}}({dout})",
        (code_of(type(layer).backward, "return"),),
    )


# ---------------------------------------------------------------------------------------------- the update


def _penalties(step: Step) -> list[Stage]:
    """Regularization's share of the gradient, and clipping, where they are in force."""
    config, found = step.config, []
    weights = [name for name in step.before if name.endswith(".W")]
    if config.l2 or config.l1:
        parts = [r"\lambda_2 W"] * bool(config.l2) + [r"\lambda_1 \mathrm{sign}(W)"] * bool(config.l1)
        formula = r"g = \mathrm{d}W + " + " + ".join(parts)
        strengths = [f"L2 {config.l2:g}"] * bool(config.l2) + [f"L1 {config.l1:g}"] * bool(config.l1)
        words = f"Regularization's own share ({', '.join(strengths)}) pulls every weight to 0; biases are spared."
        arrays = tuple(Named(f"share of {name}", step.penalty_gradients[name], name) for name in weights)
        shapes = "as the weights: " + ", ".join(shape(step.before[name]) for name in weights)
        found.append(Stage(UPDATE, "Regularization's share", words, formula, shapes, arrays,
                           (code_of(add_penalty_gradients, "grads +="),), len(step.passed)))  # fmt: skip
    if config.clip_norm:
        happens = f"it is multiplied by {step.clip:.6g}" if step.clip != 1 else "it is short enough as it is"
        words = f"The whole gradient may have a length of {config.clip_norm:g} at most: {happens}."
        arrays = tuple(Named(f"g of {name}", step.gradients[name], name) for name in weights)
        found.append(Stage(UPDATE, "Clipping", words, r"g \leftarrow g \cdot \min(1, c / \lVert g \rVert)", "",
                           arrays, (code_of(clip_to_norm, "grads *= grads.dtype.type(limit / norm)"),),
                           len(step.passed)))  # fmt: skip
    return found


def _update(step: Step) -> Stage:
    optimizer = choices("optimizer")[step.config.optimizer]
    words = f"{optimizer.label} makes the gradient into a step, at the learning rate {step.lr:g} (update {step.t:,})."
    if step.config.max_norm:
        words += f" Then the weights into each unit are shortened to {step.config.max_norm:g} at most."
    arrays = []
    for name in step.before:
        if name.endswith((".W", ".b")):
            arrays.append(Named(f"step of {name}", step.after[name] - step.before[name], name))
            arrays.append(Named(f"new {name}", step.after[name], name))
    kind: type[Optimizer] = optimizer.target
    codes = [code_of(kind.update, "params -=", "out=params")]
    if issubclass(kind, Muon):
        codes.insert(0, code_of(kind.step, "params[place]"))
    return Stage(UPDATE, "New weights", words, optimizer.formula, "as the gradients", tuple(arrays), tuple(codes),
                 len(step.passed))  # fmt: skip
