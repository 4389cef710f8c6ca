"""What varies in a search: a range for each setting, and what Optuna calls its parameters.

Every setting suggests a range for itself, so that a new one can be searched without a word about it here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import all_settings, setting
from nn_core.config.setting import MAX_HIDDEN_LAYERS, Setting

NOT_SEARCHED = {
    "dataset",
    "epochs",
    "seed",
    "eval_every",
    "n_train",
    "label_noise",
}  # what is learned and for how long: were it not the same, trials could not be compared
NOT_SUGGESTED = {"init": {"zeros", "constant"}}  # no network learns with them; a search may still ask for them
DECADES = 1e-3  # a suggested logarithmic range begins no lower than this part of its end
MOST_CHOICES = 16  # so many values are suggested at most, where the slider of a setting has more stops


@dataclass(frozen=True)
class Span:
    """Numbers from low to high, drawn evenly or, with `log`, evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Values:
    """These values and no others: names, numbers, or tuples of sizes."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Shape:
    """Sizes: so many layers of one width, the width drawn on a logarithmic scale."""

    width_low: int
    width_high: int
    depth_low: int
    depth_high: int


Range = Span | Values | Shape


def varied_settings() -> tuple[Setting, ...]:
    """The settings that may vary in a search."""
    return tuple(each for each in all_settings() if each.kind != "name" and each.name not in NOT_SEARCHED)


def suggested(item: Setting) -> Range:
    """The range of a setting that a search begins with, from what the setting says of itself."""
    if item.kind == "choice":
        left_out = NOT_SUGGESTED.get(item.name, set())
        return Values(tuple(name for name in choices(item.name) if name not in left_out))
    if item.searched:
        return Span(*item.searched, log=item.log)
    stops = tuple(stop for stop in item.steps if stop > 0)
    if item.kind == "sizes":
        widths = [int(stop) for stop in stops if 8 <= stop <= 256] or [int(stop) for stop in stops]
        return Shape(widths[0], widths[-1], 1, 2)
    if item.kind == "int":
        middle = stops[len(stops) // 4 : max(1, 3 * len(stops) // 4) + 1]
        return Values(tuple(int(stop) for stop in middle[:MOST_CHOICES])) if stops else Span(item.low, item.high)
    if item.log:
        high = min(stops[-1], 1.0) if item.low < 1 else stops[-1]
        low = max(stops[0], high * DECADES)
        return Span(low, high, log=True)
    return Span(max(item.low, min(item.steps, default=item.low)), min(item.high, max(item.steps, default=item.high)))


# ---------------------------------------------------------------------------------------------- checking


def checked(name: str, wanted: Range) -> Range:
    """The range, if the setting `name` can take what is in it; raises ConfigError with setting, limit and value."""
    item = setting(name)
    if item.name in NOT_SEARCHED or item.kind == "name":
        raise ConfigError(f"{name} cannot vary in a search: it is the same for all trials")
    return _CHECKS[type(wanted)](item, wanted)


def _check_span(item: Setting, span: Span) -> Range:
    if item.kind not in ("int", "float"):
        raise ConfigError(f"{item.name} has no numbers to draw from; list its values")
    low, high = item.check(span.low), item.check(span.high)
    if not low < high:
        raise ConfigError(f"{item.name} must vary from a lower to a higher value, got {low:g} to {high:g}")
    if span.log and low <= 0:
        raise ConfigError(f"{item.name} must be above 0 on a logarithmic scale, got {low:g}")
    return Span(low, high, bool(span.log))


def _check_values(item: Setting, wanted: Values) -> Range:
    values = tuple(dict.fromkeys(item.check(value) for value in wanted.values))
    if not values:
        raise ConfigError(f"{item.name} must have at least one value to vary over, got none")
    return Values(values)


def _check_shape(item: Setting, shape: Shape) -> Range:
    if item.kind != "sizes":
        raise ConfigError(f"{item.name} has no layers; give a range or values")
    widths = [item.check((width,))[0] for width in (shape.width_low, shape.width_high)]
    depths = (shape.depth_low, shape.depth_high)
    if not 0 <= depths[0] <= depths[1] <= MAX_HIDDEN_LAYERS:
        raise ConfigError(
            f"{item.name} must have from 0 to {MAX_HIDDEN_LAYERS} layers, the fewest first, "
            f"got {depths[0]} to {depths[1]}"
        )
    if widths[0] > widths[1]:
        raise ConfigError(f"{item.name} must be the narrowest first, got {widths[0]} to {widths[1]}")
    return Shape(widths[0], widths[1], *depths)


_CHECKS: Mapping[type, Callable[[Setting, Any], Range]] = {
    Span: _check_span,
    Values: _check_values,
    Shape: _check_shape,
}


# ---------------------------------------------------------------------------------------------- text in and out


def to_json(wanted: Range) -> dict[str, Any]:
    """The kind of a range and its numbers, ready for JSON."""
    return {"kind": type(wanted).__name__, **vars(wanted)}


def from_json(value: Mapping[str, Any]) -> Range:
    """The range that `to_json` wrote; raises KeyError, TypeError and ValueError."""
    fields = dict(value)
    kind = {each.__name__: each for each in (Span, Values, Shape)}[fields.pop("kind")]
    if kind is Values:
        return Values(tuple(tuple(v) if isinstance(v, list) else v for v in fields["values"]))
    made: Range = kind(**fields)
    return made


def parse(name: str, text: str) -> Range:
    """A range as the command line writes it: "0.001:1", "0.001:1:log", "relu,tanh", "16-16,64", "16:128x1:3"."""
    item = setting(name)
    if ":" not in text:
        return Values(tuple(item.parse(part) for part in text.split(",")))
    try:
        if item.kind == "sizes":
            width, _, depth = text.partition("x")
            low, high = (int(part) for part in width.split(":"))
            fewest, most = (int(part) for part in (depth or "1:1").split(":"))
            return Shape(low, high, fewest, most)
        low_text, high_text, *scale = text.split(":")
        if scale not in ([], ["log"], ["linear"]):
            raise ValueError(text)
        return Span(float(low_text), float(high_text), scale == ["log"] or (not scale and item.log))
    except ValueError:
        raise ConfigError(
            f'{name} must vary over a range like "0.001:1:log", values like "0.1,0.3" or, for sizes, "16:128x1:3", '
            f"got {shorten(text)}"
        ) from None


# ---------------------------------------------------------------------------------------------- Optuna's parameters


def draw(trial: Any, name: str, wanted: Range) -> Any:
    """The value of a setting in this trial (an optuna.Trial), in its own type."""
    item = setting(name)
    if isinstance(wanted, Values):
        return item.parse(trial.suggest_categorical(name, [item.format(value) for value in wanted.values]))
    if isinstance(wanted, Shape):
        width = trial.suggest_int(f"{name}.width", wanted.width_low, wanted.width_high, log=True)
        depth = trial.suggest_int(f"{name}.depth", wanted.depth_low, wanted.depth_high)
        return (width,) * depth
    if item.kind == "int":
        return trial.suggest_int(name, int(wanted.low), int(wanted.high), log=wanted.log)
    return trial.suggest_float(name, wanted.low, wanted.high, log=wanted.log)


def values_of(vary: Mapping[str, Range], params: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value, from Optuna's parameters of a trial; a setting that the trial has not drawn is left out."""
    found: dict[str, Any] = {}
    for name, wanted in vary.items():
        if isinstance(wanted, Shape) and f"{name}.depth" in params:
            found[name] = (int(params[f"{name}.width"]),) * int(params[f"{name}.depth"])
        elif name in params:
            found[name] = setting(name).parse(params[name]) if isinstance(wanted, Values) else params[name]
    return found


def grid(vary: Mapping[str, Range]) -> dict[str, list[Any]]:
    """The values that a grid goes through, by Optuna's parameters.

    Of a range these are its ends, and the stops of the setting's slider between them.
    """
    return {key: values for name, wanted in vary.items() for key, values in _grid_of(setting(name), wanted)}


def _grid_of(item: Setting, wanted: Range) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(wanted, Values):
        yield item.name, [item.format(value) for value in wanted.values]
    elif isinstance(wanted, Shape):
        yield f"{item.name}.width", _between(item, wanted.width_low, wanted.width_high)
        yield f"{item.name}.depth", list(range(wanted.depth_low, wanted.depth_high + 1))
    else:
        yield item.name, _between(item, wanted.low, wanted.high)


def _between(item: Setting, low: float, high: float) -> list[Any]:
    number = float if item.kind == "float" else int
    return sorted({number(low), number(high), *(number(stop) for stop in item.steps if low <= stop <= high)})


def grid_size(vary: Mapping[str, Range]) -> int:
    """How many trials a whole grid is."""
    return math.prod(len(values) for values in grid(vary).values())
