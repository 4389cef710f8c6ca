"""The run card: one page, whole in itself, that says what a run was and takes no harm from any name."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.export import ExportSource, export
from nn_core.export.picture import curve_chart, filter_wall, linear_axis, log_axis
from nn_core.training.state import Parent
from tests.exporting import HOSTILE, source_of
from ui.charts import theme

ALLOWED = {
    *("html", "meta", "title", "style", "main", "header", "p", "h1", "h2", "dl", "div", "dt", "dd", "small", "section"),
    *(
        "figure",
        "figcaption",
        "span",
        "br",
        "b",
        "svg",
        "line",
        "text",
        "polyline",
        *("clippath", "rect", "polygon"),
        "circle",
        "picture",
        "source",
        "img",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "footer", "code"),
}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and text."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(data.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def source(tiny: Dataset) -> ExportSource:
    return source_of(RunConfig(hidden=(20,), batch_size=50), tiny, edits=True)


def page_of(source: ExportSource, data: Dataset) -> Page:
    return Page(export(source, "card", lambda: data))


def test_a_card_shows_settings_curves_filters_and_the_confusion_matrix(source: ExportSource, tiny: Dataset):
    page = page_of(source, tiny)
    text = " ".join(page.words)
    counts = source.confusion(tiny)
    cells = [word for word in page.words if re.fullmatch(r"\d+", word)]
    for count in counts[counts > 0]:
        assert str(count) in cells
    assert f"{100 * counts.trace() / 200:.2f} %" in text and "200 images, for the report alone" in text
    assert f"{100 * source.series['val/accuracy'].last:.2f} %" in text
    assert "Learning rate" in text and "0.05" in text and "Changed while it trained" in text
    lines = [attributes for tag, attributes in page.elements if tag == "polyline"]
    assert [line["class"] for line in lines] == ["train", "val"] * 2
    assert sum(attributes.get("class") == "edit" for _, attributes in page.elements) == 2 * len(source.edits)
    assert "nats, log scale" in text


def test_the_best_on_the_card_of_a_branch_is_its_own(source: ExportSource, tiny: Dataset):
    line = source.series["val/accuracy"]
    points = line.points.copy()
    points[:, 4] = [0.9, *np.linspace(0.5, 0.6, len(points) - 1)]  # the parent's, then its own
    of_parent, last = int(points[0, 0]), int(points[-1, 0])
    parted = replace(source, series={**source.series, "val/accuracy": replace(line, points=points)})

    def best(step: int) -> list[str]:
        words = page_of(replace(parted, parent=Parent("0000000b", step, True)), tiny).words
        told = [word.strip() for word in words if word.strip()]
        at = told.index("Best on validation") if "Best on validation" in told else len(told)
        return told[at + 1 : at + 3]

    assert best(of_parent) == ["60.00 %", f"at step {last}"]
    assert best(last) == [], "a branch that was not scored yet has no best of its own"
    assert "90.00 %" in " ".join(page_of(parted, tiny).words)


def test_the_card_of_linear_outputs_names_the_unit_of_its_own_loss(tiny: Dataset):
    source = source_of(RunConfig(hidden=(5,), loss="linear_mse"), tiny)
    text = " ".join(page_of(source, tiny).words)
    assert "half the squared error, log scale" in text and "nats" not in text


def test_a_card_loads_nothing_and_runs_nothing(source: ExportSource, tiny: Dataset):
    page = page_of(replace(source, name=HOSTILE), tiny)
    assert {tag for tag, _ in page.elements} <= ALLOWED
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "srcset", "href"):
                assert (value or "").startswith("data:image/png;base64,")
    policy = [a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv")]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    style = "".join(page.words)
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_a_hostile_name_is_shown_as_it_is(source: ExportSource, tiny: Dataset):
    words = page_of(replace(source, name=HOSTILE), tiny).words
    shown = [word for word in words if "<script>alert(1)</script>" in word]
    assert len(shown) == 2  # the title of the page and the heading


def test_hostile_settings_are_text(source: ExportSource, tiny: Dataset):
    config = source.config.replace(dataset="<img src=x>&.npz")
    page = page_of(replace(source, config=config), tiny)
    assert any("<img src=x>&.npz" in word for word in page.words)
    assert {tag for tag, _ in page.elements} <= ALLOWED


def test_the_picture_of_the_filters_has_the_weights_as_colours():
    weights = np.zeros((784, 3), np.float32)
    weights[0, 0], weights[783, 1] = 1.0, -1.0
    for dark in (False, True):
        colours = theme.palette(dark)
        address = filter_wall(weights, 2, dark=dark)
        image = Image.open(io.BytesIO(base64.b64decode(address.split(",")[1])))
        assert image.mode == "P"  # a byte a pixel
        pixels = np.asarray(image.convert("RGB"))
        assert pixels.shape == (58, 58, 3)
        assert tuple(pixels[0, 0]) == theme.rgb(colours.positive[-1])
        assert tuple(pixels[27, 57]) == theme.rgb(colours.negative[-1])
        assert tuple(pixels[10, 10]) == theme.rgb(colours.background)
        assert tuple(pixels[57, 57]) == theme.rgb(colours.rule)


def test_the_colours_are_those_of_the_app(source: ExportSource, tiny: Dataset):
    style = "".join(page_of(source, tiny).words)
    light, dark = re.findall(r":root\{([^}]*)\}", style)[:2]
    for text, app in ((light, theme.LIGHT), (dark, theme.DARK)):
        colours = dict(pair.split(":") for pair in re.sub(r"\s*;\s*", ";", text.strip()).split(";"))
        assert (colours["--ground"], colours["--text"], colours["--muted"]) == (app.background, app.text, app.muted)
        assert (colours["--rule"], colours["--train"]) == (app.rule, app.series["train"])
        for name, colour in (("val", app.series["val"]), ("wrong", app.negative[2])):
            assert tuple(map(int, colours[f"--{name}-rgb"].split())) == theme.rgb(colour)
        assert colours["--val"] == app.series["val"]


def test_every_value_of_the_card_is_escaped(source: ExportSource, tiny: Dataset):
    names = tuple(f"<b>{digit}</b>&" for digit in range(10))
    page = page_of(source, replace(tiny, class_names=names))
    assert [word for word in page.words if word in names] == 2 * list(names)  # the heads of columns and rows


@pytest.mark.parametrize("ends", [(0, 1), (0, 0), (0.0, 1e-7), (3.3, 97.2), (0, 123_456)])
def test_the_marks_of_a_linear_axis_are_few_and_within_it(ends: tuple[float, float]):
    axis = linear_axis(*ends, 0, 100)
    assert 2 <= len(axis.ticks) <= 8
    assert all(axis.low - 1e-9 <= tick <= axis.high * (1 + 1e-9) for tick in axis.ticks)


@pytest.mark.parametrize("ends", [(0.2, 2.3), (1e-6, 50), (0.9, 1.1), (0, 1), (2.3, 2.3)])
def test_a_log_axis_holds_its_values_within_the_plot_and_any_other_is_a_place_beyond(ends: tuple[float, float]):
    axis = log_axis(*ends, 100, 0)
    places = axis(np.maximum(ends, 1e-12))
    assert places.min() >= 0 and places.max() <= 100
    beyond = axis(np.array([0.0, 1e9, np.inf]))
    assert np.isfinite(beyond).all() and beyond[0] >= 100 and beyond[1] <= 0
    assert len(axis.ticks) <= 20


@dataclass(frozen=True)
class Curves:
    """What a card draws of 99 good scorings after one of a new network."""

    ticks: list[str]
    beyond: list[str]
    height: float  # of the curve from its second point on, as a share of the plot

    @classmethod
    def of(cls, source: ExportSource, scalar: str, values: np.ndarray, *, percent: bool) -> Curves:
        line = source.series[f"val/{scalar}"]
        points = np.repeat(line.points[:1], len(values), axis=0)
        points[:, 0] = points[:, 1] = np.arange(len(values))
        points[:, 4] = values
        series = {f"val/{scalar}": replace(line, points=points)}
        chart = curve_chart("Loss", scalar, "", replace(source, series=series), percent=percent)
        assert chart is not None
        down = [float(place.split(",")[1]) for place in chart.lines[0].points.split()[1:]]
        share = (max(down) - min(down)) / (chart.frame.bottom - chart.frame.top)
        return cls([text for _, text in chart.y_ticks], [mark.text for mark in chart.marks], share)


def test_the_curves_of_a_card_fill_it_as_those_of_a_page_do_and_what_is_far_off_is_marked(source: ExportSource):
    accuracy = Curves.of(source, "accuracy", np.array([0.1, *np.linspace(0.96, 0.985, 99)]), percent=True)
    assert accuracy.ticks == ["95 %", "96 %", "97 %", "98 %", "99 %", "100 %"]
    assert accuracy.beyond == ["10.00 %"] and accuracy.height > 0.4
    loss = Curves.of(source, "loss", np.array([2.3, *np.linspace(0.3, 0.1, 40), 3012, *[0.1] * 58]), percent=False)
    assert loss.beyond == ["3,012"] and "1" in loss.ticks and "100" not in loss.ticks


def test_a_loss_that_is_not_finite_is_left_out(source: ExportSource, tiny: Dataset):
    line = source.series["train/loss"]
    points = line.points.copy()
    points[1:, 4] = np.inf
    series = {**source.series, "train/loss": replace(line, points=points)}
    text = export(replace(source, series=series), "card", lambda: tiny).decode()
    assert not re.search(r'points="[^"]*(nan|inf)', text)
