"""Why it says so, for any image: the answer as a sum over hidden units, the pixels behind it, and images like it."""

from __future__ import annotations

import streamlit as st

from nn_core.explain.attribution import Attribution
from nn_core.explain.decomposition import Target, looks_for
from nn_core.explain.neighbours import Neighbours
from nn_core.machine.memory import Array
from nn_core.machine.numbers import decimal, probability
from ui import session
from ui.charts.maps import image_under
from ui.charts.walls import image_wall, tile_wall
from ui.charts.waterfall import waterfall
from ui.components.live_plot import live_plot
from ui.session.readers import Reader
from ui.words import Markdown, plain


def why(of: Reader, image: Array, key: str, *, wide: bool = True) -> None:
    """A switch, and behind it the panel; closed it costs nothing. `wide`: whether four maps stand side by side."""
    if st.toggle(
        "Why it says so",
        key=f"{key}-why",
        persist_state="session",
        help="The answer as a sum over hidden units, the pixels it is due to, and the training images that are nearest",
    ):
        found = session.reasons(of, image, _target(of, image, key))
        st.markdown(_sentence(found))
        _sum(found, key)
        _maps(of, found, key, 4 if wide else 2)
        _nearest(of, image, key)


def _target(of: Reader, image: Array, key: str) -> Target | None:
    """What is to be explained, from a menu; None for the answer against the runner-up."""
    names = session.dataset().class_names
    order = (-session.reasons(of, image, None).logits).argsort(kind="stable").tolist()
    top, rest = order[0], order[1:]
    offered: dict[str, Target | None] = {f"{names[top]} rather than {names[rest[0]]}, the runner-up": None}
    offered["the logit of the answer"] = Target(top)
    offered |= {f"{names[top]} rather than {names[other]}": Target(top, other) for other in rest[1:]}
    offered |= {f"the logit of {names[other]}": Target(other) for other in rest}
    options = list(offered)
    picked = st.selectbox(
        "What is explained",
        range(len(options)),
        format_func=options.__getitem__,
        key=f"{key}-why-target",
        label_visibility="collapsed",
    )
    return offered[options[picked or 0]]


def _sentence(found: session.Reasons) -> Markdown:
    """The answer, the runner-up and their logits."""
    names = [plain(name) for name in session.dataset().class_names]
    order = (-found.logits).argsort(kind="stable")
    first, second = int(order[0]), int(order[1])
    return (
        f"Read as **{names[first]}** with {probability(found.probabilities[first])}, before **{names[second]}** with "
        f"{probability(found.probabilities[second])}: the logits are {decimal(found.logits[first])} and "
        f"{decimal(found.logits[second])}, a difference of {decimal(found.logits[first] - found.logits[second])}."
    )


def _what(target: Target) -> str:
    names = session.dataset().class_names
    if target.against is None:
        return f"the logit of {names[target.digit]}"
    return f"the logit of {names[target.digit]} minus that of {names[target.against]}"


def _sum(found: session.Reasons, key: str) -> None:
    """The waterfall of the strongest units, and their pictures."""
    parts, units = found.parts, found.units
    unit = parts.layer.unit if parts.layer else "pixel"
    shares = [("bias", parts.bias)]
    shares += [(f"{unit} {at:,}", float(parts.shares[at])) for at in units]
    n_others = len(parts.shares) - len(units)
    others = float(parts.shares.sum() - parts.shares[units].sum())
    if n_others:
        shares.append((f"{n_others:,} others", others))
    left, right = st.columns([1.15, 1])
    with left:
        figure = waterfall(
            shares,
            parts.total,
            total_name="sum",
            title=f"{_what(parts.target)[0].upper()}{_what(parts.target)[1:]}, as a sum",
            dark=session.is_dark(),
        )
        live_plot(figure, key=f"{key}-why-sum", height=24 * (len(shares) + 1) + 70)
    with right:
        if len(units):
            _pictures(found, key, unit)
        st.caption(_adds_up(found, unit))


def _pictures(found: session.Reasons, key: str, unit: str) -> None:
    is_filter = looks_for(found.model, found.parts.layer)
    kind = "filters" if is_filter else "input gradients" if found.parts.layer else "places"
    n = len(found.units)
    wall = tile_wall(
        found.pictures.reshape(n, -1).T,
        labels=[f"{unit} {at:,}: adds {decimal(found.parts.shares[at])}" for at in found.units],
        shared_scale=False,
        columns=6,
        dark=session.is_dark(),
        title=f"Their {kind}, most for first",
        what=kind,
    )
    live_plot(wall, key=f"{key}-why-units", height=210)
    if not is_filter and found.parts.layer:
        st.caption("An input gradient shows how the unit's share rises with each pixel, at this image.")


def _adds_up(found: session.Reasons, unit: str) -> Markdown:
    """The sum in numbers, beside what the network says."""
    parts = found.parts
    said = (
        f"Bias {decimal(parts.bias)} plus {len(parts.shares):,} {plain(unit)}s (weight times "
        f"{'activation' if parts.layer else 'brightness'}) {decimal(float(parts.shares.sum()))} make "
        f"**{decimal(parts.total)}**; the network says {decimal(parts.value)}."
    )
    if parts.normalization is not None:
        part = float(parts.normalization.sum())
        said += f" Of this, {decimal(part)} is due to normalization: without it the {plain(unit)}s would add "
        said += f"{decimal(float(parts.shares.sum()) - part)}."
    return said


def _maps(of: Reader, found: session.Reasons, key: str, columns: int) -> None:
    """Four maps of the image, and the sum that integrated gradients make."""
    drawn = session.maps(of, found)
    shown = [
        ("Gradient", drawn.gradient, "per brightness", "gradient"),
        ("Gradient times input", drawn.times_input, "effect", "times"),
        ("Integrated gradients", drawn.integrated, "effect", "integrated"),
        ("Occlusion", drawn.occluded, "fall where blackened", "occlusion"),
    ]
    for start in range(0, len(shown), columns):
        for place, (title, each, what, name) in zip(st.columns(columns), shown[start : start + columns], strict=True):
            with place:
                figure = image_under(found.image, each.map, dark=session.is_dark(), title=title, what=what)
                live_plot(figure, key=f"{key}-why-{name}", height=230)
    st.caption(f"Blue raises {plain(_what(found.parts.target))}, orange lowers it. {completeness(drawn.integrated)}")


def completeness(found: Attribution) -> Markdown:
    """What integrated gradients add up to, and what they should."""
    assert found.expected is not None
    return (
        f"Integrated gradients add up to {decimal(found.total)}; from a black image to this one it changes by "
        f"{decimal(found.expected)} ({found.n_steps:,} gradients; Sundararajan et al. 2017). Occlusion blackens 4 by 4 "
        "pixels at a time (Zeiler & Fergus 2014)."
    )


def _nearest(of: Reader, image: Array, key: str) -> None:
    """The training images that are nearest, in two spaces."""
    by_pixels, by_layer = session.nearest_images(of, image)
    layer = "in the last hidden layer" if of.model.config.model == "cnn" or of.model.config.hidden else "by the logits"
    for place, found, how, name in zip(
        st.columns(2), (by_pixels, by_layer), ("pixel by pixel", layer), ("pixels", "hidden"), strict=True
    ):
        with place:
            _wall(found, how, f"{key}-why-near-{name}")


def _wall(found: Neighbours, how: str, key: str) -> None:
    data = session.dataset()
    labels = data.train_labels[found.indices]
    captions = [
        f"training image {at:,}, labelled {data.class_names[label]}: distance {decimal(far)}"
        for at, label, far in zip(found.indices, labels, found.distances, strict=True)
    ]
    wall = image_wall(
        data.train_images[found.indices], captions=captions, columns=10, title=f"Nearest training images, {how}"
    )
    live_plot(wall, key=key, height=90)
    told = ", ".join(plain(data.class_names[label]) for label in labels)
    st.caption(f"Labelled {told} (of the first {found.n:,}).")
