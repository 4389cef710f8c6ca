"""Settings: what is refused and how it is said, text in and out, comparing, presets."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shlex
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nn_core import PRESETS
from nn_core.cli.main import _parser
from nn_core.cli.settings import absolute, config_of
from nn_core.config.choices import CHOICES, choices
from nn_core.config.errors import ConfigError, Conflict
from nn_core.config.run_config import LIVE_SETTINGS, RunConfig, all_settings, setting
from nn_core.config.setting import MAX_HIDDEN_LAYERS, Setting

NUMERIC = [k for k in all_settings() if k.kind in ("int", "float")]
INTEGERS = [k for k in all_settings() if k.kind == "int"]
NAMED = [k for k in all_settings() if k.kind == "choice"]


def by_name(item: Setting) -> str:
    return item.name


def values_of(item: Setting) -> st.SearchStrategy[Any]:
    """Every value that a setting may take."""
    low, high = item.low, item.high
    match item.kind:
        case "int":
            return st.integers(int(low), int(high))
        case "float":
            return st.floats(low, high)
        case "sizes":
            return st.lists(st.integers(int(low), int(high)), max_size=MAX_HIDDEN_LAYERS).map(tuple)
        case "choice":
            return st.sampled_from(sorted(choices(item.name)))
        case "name":
            return st.just(item.default) | st.text(min_size=1, max_size=300).filter(lambda text: "\0" not in text)


def unless_in_conflict(values: dict[str, Any]) -> RunConfig | None:
    try:
        return RunConfig(**values)
    except Conflict:
        return None


configs: st.SearchStrategy[Any] = (
    st.fixed_dictionaries({}, optional={k.name: values_of(k) for k in all_settings()})
    .map(unless_in_conflict)
    .filter(lambda config: config is not None)
)


def refusal(**values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        RunConfig(**values)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 300
    return message


def limits(item: Setting) -> str:
    def exactly(limit: float) -> str:
        return str(int(limit)) if limit == int(limit) else f"{limit:g}"

    return f"[{exactly(item.low)}, {exactly(item.high)}]"


# ---------------------------------------------------------------------------------------------- refusing


def test_a_refusal_reads_like_the_design_says():
    assert refusal(lr=-1.0) == "lr must be in [1e-05, 10], got -1.0"
    assert refusal(seed=2**32) == "seed must be in [0, 4294967295], got 4294967296"


@pytest.mark.parametrize("item", NUMERIC, ids=by_name)
def test_a_number_out_of_range_is_refused_with_field_limits_and_value(item: Setting):
    beyond: list[float] = [-np.inf, np.inf, np.nan, item.low - 1, item.high + 1, 1e300]
    if item.kind == "float":
        beyond += [float(np.nextafter(item.low, -np.inf)), float(np.nextafter(item.high, np.inf))]
    for value in beyond:
        message = refusal(**{item.name: value})
        assert message.startswith(f"{item.name} must be ")
        assert limits(item) in message
        assert message.endswith(f"got {value!r}")


@pytest.mark.parametrize("item", NUMERIC, ids=by_name)
@pytest.mark.parametrize("value", ["3", None, True, np.True_, [1], 1j, np.array([1.0, 2.0]), {}], ids=repr)
def test_what_is_no_number_is_refused_with_field_limits_and_value(item: Setting, value: Any):
    message = refusal(**{item.name: value})
    assert item.name in message and limits(item) in message and "got " in message


@pytest.mark.parametrize("item", NUMERIC, ids=by_name)
def test_a_number_too_large_for_a_float_is_refused_too(item: Setting):
    for digits in (400, 5000):  # Python writes out at most 4,300
        assert item.name in refusal(**{item.name: 10**digits})
    with pytest.raises(ConfigError, match=item.name):
        item.parse("9" * 400)
    with pytest.raises(ConfigError, match=item.name):
        item.parse("9" * 5000)


def test_an_array_without_an_axis_is_no_list_of_sizes():
    assert refusal(hidden=np.array(1.0)) == "hidden must be a number in [1, 2048], got array(1.)"


@pytest.mark.parametrize("item", INTEGERS, ids=by_name)
def test_a_whole_number_is_asked_for_where_it_is_meant(item: Setting):
    message = refusal(**{item.name: item.low + 0.5})
    assert item.name in message and "whole number" in message and repr(item.low + 0.5) in message


@pytest.mark.parametrize("item", NAMED, ids=by_name)
@pytest.mark.parametrize("value", ["no such name", 3, None, ["relu"], {"relu": 1}], ids=repr)
def test_an_unknown_name_is_refused_with_the_known_ones(item: Setting, value: Any):
    message = refusal(**{item.name: value})
    assert message.startswith(item.name)
    assert all(name in message for name in choices(item.name))
    assert repr(value) in message


def test_a_live_change_into_a_conflict_is_refused():
    with pytest.raises(ConfigError, match="normalization batch cannot work with batch_size 1"):
        RunConfig(normalization="batch").edited("batch_size", 1)


def test_a_misspelt_name_gets_a_suggestion():
    assert refusal(optimizer="adan").endswith("did you mean 'adam'?")
    with pytest.raises(ConfigError, match="did you mean 'dropout'"):
        RunConfig.from_dict({"dropuot": 0.5})
    with pytest.raises(ConfigError, match="did you mean 'momentum'"):
        RunConfig().replace(momentun=0.5)


@pytest.mark.parametrize("value", [(0,), (2049,), (16, -1), (1.5,), ("a",), "32", (float("nan"),), None, (1,) * 7])
def test_hidden_sizes_that_make_no_network_are_refused(value: Any):
    assert refusal(hidden=value).startswith("hidden ")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"optimizer": "muon", "hidden": ()}, "optimizer muon cannot work with hidden none"),
        ({"schedule": "one_cycle", "warmup": 0}, "schedule one_cycle cannot work with warmup 0"),
        ({"normalization": "batch", "hidden": ()}, "normalization batch cannot work with hidden none"),
        ({"normalization": "layer", "hidden": ()}, "normalization layer cannot work with hidden none"),
        (
            {"normalization": "batch", "batch_size": 1},
            "normalization batch cannot work with batch_size 1: one image has no spread",
        ),
        (
            {"hidden": (1024, 1024), "normalization": "batch", "batch_size": 0},
            "batch_size 0 cannot work with normalization batch here: a step on 55,000 images at once may take at most "
            "2 GB, got 2.9 GB for 2,048 hidden units",
        ),
    ],
)
def test_what_cannot_work_together_is_refused_in_one_sentence(values: dict[str, Any], sentence: str):
    assert refusal(**values) == sentence
    query = {name: setting(name).format(value) for name, value in values.items()}
    chooser, other = sentence.split()[0], sentence.split()[5]
    config, problems = RunConfig.from_query(query)
    default = setting(chooser).format(setting(chooser).default)
    assert problems == [f"{sentence}. {chooser} {query[chooser]} is left out; the default, {default}, is used."]
    assert getattr(config, chooser) == setting(chooser).default and getattr(config, other) == values[other]


def test_sizes_without_an_end_are_refused_at_once():
    assert refusal(hidden=(1,) * 9) == "hidden may have at most 6 layers, got 9"
    for endless in (itertools.count(1), itertools.repeat(8), range(1, 10**15)):
        assert refusal(hidden=endless).startswith("hidden may have at most 6 layers, got more: ")


@pytest.mark.parametrize("text", ["", "none", "8", "8-4", "8,4"])
def test_hidden_sizes_may_be_written_with_dashes_or_commas(text: str):
    assert setting("hidden").parse(text) == tuple(
        int(part) for part in text.replace(",", "-").split("-") if part.isdigit()
    )


@pytest.mark.parametrize("text", ["8-", "-8", "8--4", "x", "8-4-x"])
def test_a_refused_list_of_sizes_is_quoted_whole(text: str):
    with pytest.raises(ConfigError, match="hidden") as caught:
        setting("hidden").parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", ["", "x" * 301, "a\0b", 3, None])
def test_a_data_set_without_a_sensible_name_is_refused(value: Any):
    assert refusal(dataset=value).startswith("dataset must be a name or a path")


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"lr": 1e999}', '{"lr": NaN}', '{"seed": ' + "9" * 5000 + "}"])
def test_a_configuration_that_is_no_sensible_json_is_refused(text: str):
    with pytest.raises(ConfigError):
        RunConfig.from_json(text)


@given(
    st.dictionaries(st.sampled_from([k.name for k in all_settings()]), st.from_type(object) | st.text() | st.floats())
)
def test_any_values_whatever_make_a_configuration_or_a_config_error(values: dict[str, Any]):
    try:
        config = RunConfig.from_dict(values)
    except ConfigError:
        return
    assert RunConfig.from_json(config.to_json()) == config


# ---------------------------------------------------------------------------------------------- canonical values


def test_values_take_their_canonical_type():
    loose: dict[str, Any] = dict(lr=np.float32(0.5), batch_size=np.int64(64), hidden=np.array([16, 8]), seed=3.0)
    config = RunConfig(**loose, momentum=0)
    assert [type(v) for v in (config.lr, config.batch_size, config.seed, config.momentum)] == [float, int, int, float]
    assert config.hidden == (16, 8) and all(type(size) is int for size in config.hidden)
    assert RunConfig.from_dict({"hidden": 64}).hidden == (64,)
    assert RunConfig(hidden=()).hidden == ()


def test_a_configuration_is_immutable_and_hashable():
    config = RunConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.lr = 0.5  # type: ignore[misc]
    assert len({config, RunConfig(), RunConfig(lr=0.5)}) == 2


@pytest.mark.parametrize("item", all_settings(), ids=by_name)
def test_every_default_is_allowed_and_every_slider_stop_too(item: Setting):
    assert item.check(item.default) == item.default
    for stop in item.steps:
        value = (int(stop),) if item.kind == "sizes" else stop
        assert item.check(value) == value
    defaults = item.default if item.kind == "sizes" else (item.default,)
    assert not item.steps or set(defaults) <= set(item.steps)


@pytest.mark.parametrize("item", all_settings(), ids=by_name)
def test_every_setting_explains_itself(item: Setting):
    assert item.label and item.formula and item.help.endswith(".")
    assert item.kind != "choice" or len(choices(item.name)) >= 1
    assert item.kind == "choice" or item.citation or item.group not in ("regularization", "augmentation")


@pytest.mark.parametrize("name_of_setting", sorted(CHOICES))
def test_every_choice_explains_itself_and_names_real_settings(name_of_setting: str):
    names = {k.name for k in all_settings()}
    assert name_of_setting in names
    for name, choice in choices(name_of_setting).items():
        assert choice.name == name
        assert choice.label and choice.formula and choice.citation and choice.help.endswith(".")
        assert set(choice.uses) <= names and set(choice.needs) <= names


def test_only_live_fields_apply_now():
    live_penalties = {"l1", "label_smoothing", "clip_norm", "max_norm"}
    assert set(LIVE_SETTINGS) == {"lr", "l2", "dropout", "momentum", "batch_size", "weight_decay", *live_penalties}


# ---------------------------------------------------------------------------------------------- text in and out


@pytest.mark.parametrize("item", all_settings(), ids=by_name)
@given(data=st.data())
def test_text_turns_back_into_the_value(item: Setting, data: st.DataObject):
    value = data.draw(values_of(item))
    assert item.parse(item.format(value)) == value


@given(configs)
def test_json_turns_back_into_the_configuration(config: RunConfig):
    assert RunConfig.from_json(config.to_json()) == config
    assert set(json.loads(config.to_json())) == {k.name for k in all_settings()}


@given(configs)
def test_a_link_turns_back_into_the_configuration(config: RunConfig):
    assert RunConfig.from_query(config.to_query()) == (config, [])


def test_a_link_holds_what_is_not_at_its_default_and_nothing_else():
    assert RunConfig().to_query() == {}
    assert RunConfig(lr=0.3, hidden=(64, 32)).to_query() == {"hidden": "64-32", "lr": "0.3"}


def test_a_bad_value_in_a_link_is_told_and_its_default_stands():
    config, problems = RunConfig.from_query({"lr": "-1", "seed": "7", "init": "hee", "run": "abc", "l2": "many"})
    assert config == RunConfig(seed=7)
    assert problems == [
        "init must be one of zeros, constant, uniform, normal, xavier, xavier_normal, lecun, he, he_uniform, "
        "orthogonal, got 'hee'; did you mean 'he'? The default, he, is used.",
        "lr must be in [1e-05, 10], got -1.0. The default, 0.1, is used.",
        "l2 must be a number in [0, 1], got 'many'. The default, 0, is used.",
    ]


@given(st.dictionaries(st.sampled_from([k.name for k in all_settings()]), st.text()))
def test_any_link_whatever_opens_some_settings(query: dict[str, str]):
    config, problems = RunConfig.from_query(query)
    assert all(
        getattr(config, name) == setting(name).default
        for name in query
        if any(p.startswith(f"{name} ") for p in problems)
    )


@given(configs)
@example(RunConfig(dataset="-x.npz"))
def test_the_command_gives_the_same_settings_to_the_command_line(config: RunConfig):
    words = shlex.split(config.to_command())
    assert words[:3] == ["python", "-m", "nn_core"]
    found = config_of(_parser().parse_args(words[3:]))  # a path is one from the root on then
    assert found == config.in_effect().replace(dataset=absolute(config.in_effect().dataset))


@given(configs)
def test_the_python_lines_give_the_same_settings_to_the_library(config: RunConfig):
    lines = config.to_python()
    compile(lines, "copied", "exec")
    names: dict[str, Any] = {}
    exec(lines.split("trainer =")[0], names)
    assert names["config"] == config.in_effect()


@given(configs)
def test_what_is_in_effect_is_all_that_is_used_and_nothing_else(config: RunConfig):
    seen = config.in_effect()
    for item in all_settings():
        assert getattr(seen, item.name) == (getattr(config, item.name) if config.in_use(item) else item.default)
    assert seen.in_effect() == seen


# ---------------------------------------------------------------------------------------------- comparing


@given(configs, configs)
def test_equal_settings_have_equal_keys_and_others_have_others(one: RunConfig, other: RunConfig):
    assert (one.key() == other.key()) == (one == other)
    assert (one.diff(other) == "the same settings") == (one == other)
    assert {k.name for k in one.differences(other)} == {
        k.name for k in all_settings() if getattr(one, k.name) != getattr(other, k.name)
    }


def test_a_difference_is_one_sentence():
    base = RunConfig()
    assert base.diff(base.replace(lr=0.3)) == "one setting differs: learning rate 0.1 against 0.3; same seed"
    assert base.diff(base.replace(seed=4)) == "one setting differs: seed 0 against 4"
    several = base.diff(base.replace(lr=0.3, hidden=(64, 32), seed=1))
    assert (
        several == "3 settings differ: hidden units 32 against 64-32, learning rate 0.1 against 0.3, seed 0 against 1"
    )


def test_a_title_names_what_is_not_at_its_default():
    assert RunConfig().title() == "default settings"
    assert RunConfig(lr=0.3, init="xavier", hidden=()).title() == "hidden none, init xavier, lr 0.3"
    assert RunConfig(lr=0.3, channels=(4,), momentum=0.5).title() == "lr 0.3", "neither has an effect here"


def test_a_field_is_in_use_only_where_a_choice_wants_it():
    def unused(config: RunConfig) -> set[str]:
        return {k.name for k in all_settings() if not config.in_use(k)}

    always = unused(RunConfig(init="uniform", schedule="step")) - {
        "momentum",
        "beta1",
        "beta2",
        "weight_decay",
        "warmup",
    }
    schedules = {"warmup", "decay_factor", "decay_every"}
    assert unused(RunConfig()) == {"init_scale", "momentum", "beta1", "beta2", "weight_decay", *schedules} | always
    assert unused(RunConfig(init="uniform", optimizer="adam")) == {"momentum", "weight_decay", *schedules} | always
    assert unused(RunConfig(optimizer="muon")) == {"init_scale", "beta1", "beta2", *schedules} | always
    assert unused(RunConfig(optimizer="rmsprop", schedule="one_cycle")) == {
        *("init_scale", "momentum", "beta1", "weight_decay", "decay_factor", "decay_every"),
        *always,
    }
    assert always.isdisjoint({"lr", "hidden", "seed", "schedule", "gain"})


@pytest.mark.parametrize(("batch_size", "images"), [(0, 1000), (1, 1), (128, 128), (1000, 1000), (60_000, 1000)])
def test_a_batch_is_at_most_all_images(batch_size: int, images: int):
    assert RunConfig(batch_size=batch_size).effective_batch(1000) == images


# ---------------------------------------------------------------------------------------------- presets


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_valid_and_says_only_what_it_changes(name: str):
    preset = PRESETS[name]
    assert preset.name == name and preset.label and preset.help.endswith(".")
    assert all(getattr(preset.config, name) == value for name, value in preset.values.items())


def test_the_classic_is_the_textbook_network():
    classic = PRESETS["classic"].config
    assert (classic.hidden, classic.activation, classic.optimizer) == ((10,), "relu", "sgd")
    assert (classic.batch_size, classic.lr, classic.epochs) == (0, 0.1, 700)  # full batch: an epoch is a step
    assert (classic.init, classic.init_scale, classic.input_scaling) == ("uniform", 0.5, "unit")
    assert (classic.l2, classic.dropout, classic.n_train) == (0, 0, 55_000)


def test_a_link_to_a_cnn_that_cannot_be_opens_without_the_setting_that_spoils_it():
    config, problems = RunConfig.from_query({"model": "cnn", "kernel": "28", "lr": "0.3"})
    assert (config.model, config.kernel, config.lr) == ("cnn", 5, 0.3)
    assert problems == [
        "pool1: pool must be at most 1, the size of its input, got 2. kernel 28 is left out; the default, 5, is used."
    ]
    config, problems = RunConfig.from_query({"model": "cnn", "normalization": "layer"})
    assert config.normalization == "none" and "normalization must be none or batch for model cnn" in problems[0]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channels": ()}, "model cnn cannot work with channels none"),
        ({"channels": (0,)}, "channels must be in [1, 256], got 0"),
        ({"kernel": 0}, "kernel must be in [1, 1000], got 0"),
        ({"kernel": 30}, "conv1: kernel must be at most 28x28, the size of its input of 28x28, got 30x30"),
        ({"kernel": 28, "pool": 29}, "pool1: pool must be at most 1, the size of its input, got 29"),
        (
            {"channels": (256,), "padding": 14, "pool": 1, "dense_units": (2048,)},
            "dense1: a network may have at most 25,000,000 parameters, got 1,417,703,946, most of them in dense1 "
            "(692224 x 2048)",
        ),
        (
            {"normalization": "batch", "batch_size": 0},
            "batch_size 0 cannot work with normalization batch here: conv1: a step on 55,000 images at once may "
            "take at most 2 GB, got 6.5 GB, most of it in conv1 (1 to 8 channels on 28x28)",
        ),
        (
            {"channels": (256, 256), "padding": 14, "pool": 1},
            "conv2: a step on 256 images at once may take at most 2 GB, got 31.9 GB, most of it in conv2 (256 to 256 "
            "channels on 80x80)",
        ),
        ({"pool": 15}, "conv2: kernel must be at most 1x1, the size of its input of 1x1, got 5x5"),
        ({"normalization": "layer"}, "normalization must be none or batch for model cnn, got layer"),
    ],
    ids=str,
)
def test_settings_that_no_cnn_can_have_are_refused_for_a_cnn(settings: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as refused:
        RunConfig(model="cnn", **settings)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "query",
    [
        {"model": "cnn", "pool": "15"},
        {"model": "cnn", "normalization": "batch", "batch_size": "0"},
        {"model": "cnn", "channels": "256", "padding": "14", "pool": "1", "dense_units": "2048"},
    ],
    ids=str,
)
def test_a_link_that_no_cnn_can_have_names_what_it_leaves_out(query: dict[str, str]):
    config, problems = RunConfig.from_query(query)
    for name, text in query.items():
        default = setting(name).format(setting(name).default)
        told = any(f". {name} {text} is left out; the default, {default}, is used." in problem for problem in problems)
        assert told != (getattr(config, name) == setting(name).parse(text))
    assert problems


@pytest.mark.parametrize("batch_size", [20_000, 0])
def test_few_images_at_once_are_normalized_whatever_the_batch_size(batch_size: int):
    assert RunConfig(model="cnn", normalization="batch", n_train=10_000, batch_size=batch_size).n_train == 10_000


def test_what_an_mlp_does_not_use_does_not_stand_in_its_way():
    assert RunConfig(kernel=28, pool=28, channels=()).model == "mlp"
    assert RunConfig(model="cnn", hidden=(), optimizer="muon").hidden == ()
