"""The data map: which training images were easy, doubtful or hard, and those whose label one should doubt."""

from __future__ import annotations

import streamlit as st

from nn_core.instruments.forgetting import ImageCourse
from nn_core.instruments.measures.data_map import DataMap, data_map, from_bytes
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.data_map import course_chart, data_map_chart
from ui.charts.walls import image_wall
from ui.components.live_plot import live_plot
from ui.panels.dynamics.panel import about, why_not
from ui.panels.gallery import close_up
from ui.words import Markdown, plain

N_SUSPECTS, COLUMNS = 48, 8
CHOSEN = "dynamics-image"
MAP, WALL = "dynamics-map", "dynamics-suspects"
DATA_PAGE = "pages/look/data.py"


def draw(shot: Snapshot, axis: Axis) -> None:
    """The map at the left, the suspects as pictures in the middle, the chosen image and its course at the right."""
    course = ImageCourse.from_kept(shot.kept.get("forgetting"))
    labels, images = session.labels_trained_on(), session.dataset().train_images
    if course is None or len(course.steps) < 2 or course.p.shape[1] > len(labels):
        st.info(plain(_why_not(shot, course)))
        return
    found: DataMap = session.steady(
        "data map", (shot.run_id, len(course.steps), int(course.steps[-1])), lambda: data_map(course.p)
    )
    suspects = found.suspects(N_SUSPECTS)
    names = session.dataset().class_names
    captions = [_caption(int(at), names[labels[at]], found, course) for at in suspects]
    for key, part in ((MAP, "customdata"), (WALL, "z")):
        click = session.clicked(key)
        if click and isinstance(click.get(part), (int, float)) and 0 <= int(click[part]) < course.p.shape[1]:
            session.choose(CHOSEN, (shot.run_id, int(click[part])))
    of_run, index = session.chosen(CHOSEN, ("", 0))
    index = index if of_run == shot.run_id and index < course.p.shape[1] else int(suspects[0])
    st.caption(_sentence(course), help=about(INSTRUMENTS["forgetting"], shot.config))
    left, middle, right = st.columns([1.2, 1.1, 0.9])
    with left:
        figure = data_map_chart(found, suspects, captions, chosen=index, dark=session.is_dark())
        live_plot(figure, key=MAP, height=330, clickable=True)
    with middle:
        wall = image_wall(
            images[suspects],
            captions=captions,
            numbers=suspects,
            chosen=index,
            columns=COLUMNS,
            title=f"The {len(suspects)} most suspect, the worst first",
        )
        live_plot(wall, key=WALL, height=330, clickable=True)
    with right:
        _one(index, labels[index], names, course)


def _one(index: int, label: int, names: tuple[str, ...] | list[str], course: ImageCourse) -> None:
    """One image enlarged, its course over training, and the way to others of its digit."""
    title = f"Image {index:,}, labelled {names[label]}"
    note = f"Training image {index:,}, labelled {names[label]}."
    close_up(session.dataset().train_images[index], title=title, note=note, key="dynamics", height=170)
    if st.button("Show similar images in Data", icon=":material/image:", key="dynamics-its-like", width="stretch"):
        session.choose("data-image", ("train", index))
        session.show_in_widget("data-split", "train")
        session.show_in_widget("data-digit", names[label])
        st.switch_page(DATA_PAGE)
    p = from_bytes(course.p[:, index])
    live_plot(
        course_chart(course.steps, p, title=f"p({names[label]}) over training", dark=session.is_dark()),
        key="dynamics-course",
        height=150,
    )


def _caption(index: int, label: str, found: DataMap, course: ImageCourse) -> str:
    lost = int(course.forgotten[index])
    times = (
        "never learned" if not course.learned[index] else f"forgotten {lost} times" if lost != 1 else "forgotten once"
    )
    return f"image {index:,}, labelled {label}: mean p {found.confidence[index]:.2f}, {times}"


def _sentence(course: ImageCourse) -> Markdown:
    n, lost, never = course.p.shape[1], int((course.forgotten > 0).sum()), int((~course.learned).sum())
    return (
        f"{n:,} images trained on, at {len(course.steps)} scorings: {lost:,} were forgotten at least once, {never:,} "
        "never learned. Low and steady: hard, or labelled wrongly. Click one for its course."
    )


def _why_not(shot: Snapshot, course: ImageCourse | None) -> str:
    if course is None:
        return why_not(INSTRUMENTS["forgetting"], shot)
    return "The map appears after two scorings; train a little further."
