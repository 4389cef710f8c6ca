"""Checks a backprop that somebody wrote: runs it on the weights and batch that ours gets, and says what is wrong."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.homework.backprop import Case, names
from nn_core.homework.exercise import N_IMAGES, Exercise, exercise
from nn_core.homework.given import GivenError, collected, numbers
from nn_core.homework.report import ArrayVerdict, Named, Report
from nn_core.homework.slips import LOST_DIMENSION, ORDER, TRANSPOSED, Slip, pairs, variants
from nn_core.machine.memory import Array

TOLERANCE = 1e-5  # of an array's largest number; float32 is within 1e-6
Give = Literal["arrays", "dict", "pairs", "lists"]
Reading = tuple[Array, tuple[Slip, ...]]  # an array as W (n_in, n_out) or b (n,), and what had to be put right in shape


def check_backprop(
    f: Callable[..., Any] | Mapping[str, Any] | Any,
    config: RunConfig | None = None,
    rows: bool = False,
    *,
    X: Any = None,
    Y: Any = None,
    weights: Any = None,
    n_images: int = N_IMAGES,
    seed: int = 0,
    give: Give | None = None,
    tolerance: float = TOLERANCE,
) -> Report:
    """Compare the gradients of `f` with ours; the report prints as text, and shows a picture in a notebook.

    `f(X, Y, W1, b1, W2, b2)` returns (dW1, db1, dW2, db2), with images in columns: X (784, m) in [0, 1], Y one-hot
    (10, m), W1 (n, 784), b1 (n, 1). With `rows=True` images are rows: X (m, 784), Y (m, 10), W1 (784, n), b1 (n,).
    The network is 784-10-10 with ReLU, softmax and cross-entropy unless `config` says otherwise. A deeper one hands
    over W1, b1, W2, b2, W3, b3 ...; a function of three arguments, f(X, Y, parameters), gets a dict with these names;
    or as `give` says: "arrays", "dict", "pairs" [(W1, b1), ...] or "lists" [W1, W2, ...], [b1, b2, ...]. Gradients come
    back in any of these forms, under any usual names.

    In place of a function, `f` may be gradients that were worked out elsewhere: on `exercise(config, rows)`, or on X, Y
    and weights given here. Raises GivenError, naming the array and what was expected, and ConfigError.
    """
    work = exercise(config, rows, X=X, Y=Y, weights=weights, n_images=n_images, seed=seed)
    found = _run(f, work, give) if callable(f) else f
    return compare(found, work, tolerance)


def compare(found: Any, work: Exercise, tolerance: float = TOLERANCE) -> Report:
    """The report on gradients as their author returned them."""
    if not 0 < tolerance < 1:
        raise GivenError(f"tolerance must be above 0 and below 1, got {tolerance}")
    given, is_in_order = collected(found, work.case.sizes)
    truth = {name: array if "W" in name else array.ravel() for name, array in work.gradients().items()}
    ours = {name: _upright(array, name, work.rows) for name, array in truth.items()}
    theirs = {
        name: numbers(given[name], name, f"of shape {work.shape(name)}") for name in names(len(work.case.weights))
    }
    readings = {name: _readings(array, name, work) for name, array in theirs.items()}
    named: dict[str, tuple[Slip, ...]] = {}
    for name, options in readings.items():
        for array, shape_slips in options:
            if _close(array, ours[name], tolerance):
                named[name] = shape_slips
                break
    _name_slips(work.case, readings, ours, named, tolerance)
    verdicts = [
        _verdict(name, theirs[name], readings[name], ours[name], named.get(name), work, tolerance) for name in theirs
    ]
    slips = _by_slip(named)
    if not is_in_order:
        slips.insert(0, Named(ORDER, tuple(theirs)))
    return Report(work, tuple(verdicts), tuple(slips), is_in_order)


# ---------------------------------------------------------------------------------------------- running it


def _run(f: Callable[..., Any], work: Exercise, give: Give | None) -> Any:
    """What the function returns; raises GivenError that says where it failed."""
    parameters = list(work.parameters.values())
    pairs_of = list(zip(parameters[::2], parameters[1::2], strict=True))
    forms: dict[str, tuple[Any, ...]] = {
        "arrays": tuple(parameters),
        "dict": (work.parameters,),
        "pairs": (pairs_of,),
        "lists": ([W for W, _ in pairs_of], [b for _, b in pairs_of]),
    }
    form = give or _form(f, len(parameters))
    if form not in forms:
        raise GivenError(f"give must be one of {', '.join(forms)}, got {form!r:.40}")
    try:
        return f(work.X, work.Y, *forms[form])
    except Exception as error:
        shapes = [f"X {work.X.shape}", f"Y {work.Y.shape}"]
        shapes += [f"{name} {array.shape}" for name, array in work.parameters.items()]
        raise GivenError(
            f"the function raised {type(error).__name__}: {str(error) or 'without a word'}{_where(error)}. "
            f"It was given {', '.join(shapes)}: images in {work.layout}"
            f"{'' if work.rows else '; if yours lie in rows, say rows=True'}."
        ) from error


def _form(f: Callable[..., Any], n: int) -> str:
    """How the function wants its parameters, by how many arguments it needs."""
    try:
        wanted = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return "arrays"
    if any(each.kind is each.VAR_POSITIONAL for each in wanted):
        return "arrays"
    positional = [each for each in wanted if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each for each in positional if each.default is each.empty]
    for form, count in (("arrays", 2 + n), ("dict", 3), ("lists", 4)):
        if len(needed) <= count <= len(positional):
            return form
    raise GivenError(
        f"the function must take X, Y and {n} arrays of weights and biases (or X, Y and one dict of them), got one "
        f"that takes {len(positional)}: ({', '.join(each.name for each in positional)})"
    )


def _where(error: Exception) -> str:
    """The line of the author's code where it was raised."""
    lines = traceback.extract_tb(error.__traceback__)
    own = [line for line in lines if line.filename != __file__ and "site-packages" not in line.filename]
    if not own:
        return ""
    line = own[-1]
    return f" (line {line.lineno}{f': {line.line}' if line.line else ''})"


# ---------------------------------------------------------------------------------------------- shapes


def _upright(array: Array, name: str, rows: bool) -> Array:
    """W as (n_in, n_out)."""
    return array if rows or "b" in name else array.T


def _readings(array: Array, name: str, work: Exercise) -> list[Reading]:
    """What an array of theirs may be meant as; raises GivenError for a shape that no slip explains."""
    expected, m = work.shape(name), len(work.case.x)
    if "W" in name:
        found: list[Reading] = []
        if array.shape == expected:
            found.append((_upright(array, name, work.rows), ()))
        if array.T.shape == expected and array.ndim == 2:
            found.append((_upright(array.T, name, work.rows), (TRANSPOSED,)))
    else:
        found = _readings_of_bias(array, expected, m, work.rows)
    if not found:
        raise GivenError(f"{name} must have the shape {expected}, got {array.shape}")
    return found


def _readings_of_bias(array: Array, expected: tuple[int, ...], m: int, rows: bool) -> list[Reading]:
    n, found = int(np.prod(expected)), list[Reading]()
    if array.size == n:
        is_right = array.shape == expected or (rows and array.shape == (1, n))
        found.append((array.ravel(), () if is_right else (LOST_DIMENSION if array.ndim == 1 else TRANSPOSED,)))
    if array.size == m and m != n and array.ndim <= 2:  # summed over the wrong axis
        found.append((array.ravel(), ()))
    if array.size == 1 and n > 1:  # over everything
        found.append((array.reshape(()), ()))
    if array.size == n and n > 1 and array.min() == array.max():  # the same, spread out
        found.append((np.asarray(array.flat[0]), ()))
    if array.shape == ((m, n) if rows else (n, m)) and m > 1:  # not summed
        found.append((array if rows else array.T, ()))
    return found


# ---------------------------------------------------------------------------------------------- slips


def _close(a: Array, b: Array, tolerance: float, least: float = 0.0) -> bool:
    """Whether a is b, as near as `tolerance` times the largest number of b, or of `least` where that is more."""
    if a.shape != b.shape:
        return False
    scale = max(float(np.abs(b).max(initial=0.0)), least)
    return float(np.abs(a - b).max(initial=0.0)) <= tolerance * scale + 1e-300


def _name_slips(
    case: Case,
    readings: Mapping[str, list[Reading]],
    ours: Mapping[str, Array],
    named: dict[str, tuple[Slip, ...]],
    tolerance: float,
) -> None:
    """Explain the arrays that are not named yet: by the slip that explains most of them, then the next; then by two."""
    left = [name for name in readings if name not in named]
    with np.errstate(all="ignore"):
        for attempts in (variants, pairs):
            if not left:
                return
            explained: list[tuple[tuple[Slip, ...], dict[str, tuple[Slip, ...]]]] = []
            for slips, wrong in attempts(case):
                given = wrong.gradients()
                theirs = slips if isinstance(slips, tuple) else (slips,)
                fits = _explained(given, left, readings, ours, tolerance)
                if fits:
                    explained.append((theirs, fits))
            while left and explained:
                slips_of, fits = max(explained, key=lambda each: len(set(each[1]) & set(left)))
                now = [name for name in fits if name in left]
                if not now:
                    break
                named |= {name: (*slips_of, *fits[name]) for name in now}
                left = [name for name in left if name not in now]


def _explained(
    given: Mapping[str, Array],
    left: list[str],
    readings: Mapping[str, list[Reading]],
    ours: Mapping[str, Array],
    tolerance: float,
) -> dict[str, tuple[Slip, ...]]:
    """Which arrays are what the slip gives, each with what had to be put right in its shape."""
    found = {}
    for name in left:
        wrong, least = given[name], 1e-3 * float(np.abs(ours[name]).max())  # A2 - Y sums to 0 over the units
        if not np.isfinite(wrong).all() or _close(wrong, ours[name], 10 * tolerance):
            continue
        for array, shape_slips in readings[name]:
            if array.any() and _close(array, wrong, tolerance, least):
                found[name] = shape_slips
                break
    return found


def _by_slip(named: Mapping[str, tuple[Slip, ...]]) -> list[Named]:
    """Each slip with the arrays that have it."""
    arrays: dict[Slip, list[str]] = {}
    for name, slips in named.items():
        for slip in dict.fromkeys(slips):
            arrays.setdefault(slip, []).append(name)
    return [Named(slip, tuple(of)) for slip, of in arrays.items()]


def _verdict(
    name: str,
    given: Array,
    readings: list[Reading],
    ours: Array,
    slips: tuple[Slip, ...] | None,
    work: Exercise,
    tolerance: float,
) -> ArrayVerdict:
    """What is said of one array: agrees, or the largest difference and where it is, in its author's layout."""
    array, truth = readings[0][0], ours
    if array.shape != truth.shape:  # a bias summed wrongly: number by number there is nothing to compare
        return ArrayVerdict(
            name, work.shape(name), given.shape, False, None, (), None, None, slips or (), _EMPTY, _EMPTY
        )
    if "W" in name and not work.rows:
        array, truth = array.T, truth.T
    difference = np.abs(array - truth)
    at = tuple(int(i) for i in np.unravel_index(int(difference.argmax()), difference.shape))
    where = at if "W" in name or work.rows else (*at, 0)
    scale = float(np.abs(truth).max(initial=0.0)) or sys.float_info.min
    agrees = slips == ()
    return ArrayVerdict(
        name,
        work.shape(name),
        given.shape,
        agrees,
        float(difference[at]) / scale,
        where,
        float(array[at]),
        float(truth[at]),
        slips or (),
        array.ravel(),
        truth.ravel(),
    )


_EMPTY: Array = np.empty(0)
