"""The Runs page in a real browser: the list, the ghost, runs over one another, deleted and brought back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.runs.registry import RunRegistry
from nn_core.store.run_store import RunStore
from tests.browser.conftest import Server
from tests.browser.waiting import number_after, open_app, wait_idle, wait_until


@dataclass(frozen=True)
class Kept:
    """A server with three stored runs: its address, and their ids by learning rate, oldest first."""

    url: str
    ids: dict[float, str]


@pytest.fixture(scope="module")
def kept(server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory, mnist: Dataset) -> Kept:
    folder = tmp_path_factory.mktemp("runs")
    registry, ids = RunRegistry(RunStore(folder)), {}
    for lr in (0.1, 0.3, 1.0):
        config = RunConfig(hidden=(4,), lr=lr, n_train=400, batch_size=20, epochs=1)
        run = registry.create(config, mnist)
        assert run.play().wait(30)
        while run.snapshot.is_training:
            time.sleep(0.01)
        ids[lr] = run.id
    registry.close()
    return Kept(server("dashboard.py", GLASSNET_RUNS=str(folder)).url, ids)


def row(page: Page, run_id: str) -> Locator:
    return page.locator(f".glassnet-runs tr[data-run='{run_id}']")


def order(page: Page) -> list[str]:
    return [str(node.get_attribute("data-run")) for node in page.locator(".glassnet-runs tbody tr").all()]


def lines(page: Page, key: str) -> list[dict]:
    """Name, dash and length of each line of a chart in the browser; marks of what lies beyond its axis are none."""
    found: list[dict] = page.evaluate(
        f"""() => (document.querySelector(".st-key-{key} .js-plotly-plot")?._fullData ?? [])
            .filter((trace) => trace.name !== "beyond the axis")
            .map(({{name, line, x, visible}}) => ({{
                name, dash: line?.dash, n: visible === true ? (x?.length ?? 0) : 0
            }}))"""
    )
    return found


def act(page: Page, run_id: str, name: str) -> None:
    """Press a button of a run's row."""
    row(page, run_id).locator(f"button.{name}").click()


def go(page: Page, name: str) -> None:
    page.locator(".stAppHeader").get_by_role("link", name=name).click()
    wait_idle(page)


@pytest.mark.slow
def test_runs_are_sorted_filtered_starred_renamed_and_deleted_and_one_click_brings_back_what_was_deleted(
    page: Page, kept: Kept
) -> None:
    open_app(page, f"{kept.url}/runs")
    slow, middle, fast = kept.ids.values()
    wait_until(page, lambda: order(page) == [fast, middle, slow])  # the newest first
    page.locator(".glassnet-runs th.name button").click()
    wait_until(page, lambda: order(page) == [slow, middle, fast])
    search = page.locator(".glassnet-runs .search")
    search.fill("lr=0.3")
    wait_until(page, lambda: order(page) == [middle])
    search.fill("")
    page.locator(".glassnet-runs .columns summary").click()
    for title in ("Tags", "Learning rate", "Size"):
        page.locator(".glassnet-runs .menu label", has_text=title).first.click()
    page.keyboard.press("Escape")
    expect(row(page, middle).locator("td.more").last).to_have_text("0.3")
    expect(page.locator(".glassnet-runs td.size")).to_have_count(0)
    row(page, middle).locator("td.more .own").click()
    page.keyboard.type("odd, even")
    page.keyboard.press("Enter")
    search.fill("even")
    wait_until(page, lambda: order(page) == [middle])
    search.fill("")
    act(page, middle, "star")
    expect(row(page, middle).locator("button.star")).to_have_attribute("aria-pressed", "true")
    act(page, slow, "rename")
    page.keyboard.type("<b>slow</b> one")
    page.keyboard.press("Enter")
    expect(row(page, slow)).to_contain_text("<b>slow</b> one")
    wait_idle(page)
    page.reload()
    expect(row(page, slow)).to_contain_text("<b>slow</b> one")
    expect(row(page, middle).locator("button.star")).to_have_attribute("aria-pressed", "true")
    page.locator(".glassnet-runs .facet", has_text="Starred").click()
    wait_until(page, lambda: order(page) == [middle])
    act(page, middle, "delete")
    page.locator(".st-key-undo-delete button").click()
    wait_until(page, lambda: order(page) == [middle])


@pytest.mark.slow
def test_ticked_runs_lie_over_one_another_and_a_pinned_one_stands_dashed_behind_the_run_on_the_pages(
    page: Page, kept: Kept
) -> None:
    open_app(page, f"{kept.url}/runs")
    middle, fast = kept.ids[0.3], kept.ids[1.0]
    for run_id in (middle, fast):
        row(page, run_id).locator(".tick input").check()
    wait_until(page, lambda: [line["name"] for line in lines(page, "overlay-loss")], ["lr 0.3", "lr 1"].__eq__)
    assert all(line["n"] > 1 for line in lines(page, "overlay-loss"))
    expect(page.get_by_text("Both started from the same weights")).to_be_visible()
    expect(page.locator(".stTable tbody tr")).to_have_count(1)  # the learning rate alone differs
    act(page, middle, "ghost")
    wait_until(page, lambda: f"ghost={middle}" in page.url)
    row(page, fast).locator("button.open").click()
    expect(row(page, fast)).to_have_class(re.compile("current"))
    go(page, "Train")
    expect(page.get_by_text("one setting differs: learning rate 1 against 0.3; same seed")).to_be_visible()
    wait_until(page, lambda: {line["dash"] for line in lines(page, "curve-loss")} >= {"solid", "dash"})
    expect(page.locator(".st-key-filters-ghost")).to_contain_text("The ghost at step")
    page.reload()  # the ghost is in the address
    expect(page.get_by_text("Both started from the same weights")).to_be_visible()
    page.locator(".st-key-unpin-ghost button").first.click()
    wait_until(page, lambda: "ghost=" not in page.url)
    expect(page.locator(".st-key-pin-ghost")).to_be_visible()


@pytest.mark.slow
def test_the_list_shows_a_training_runs_values_as_they_change_and_keeps_the_ticks(page: Page, kept: Kept) -> None:
    open_app(page, f"{kept.url}/runs?hidden=8&n_train=2000&epochs=10000")
    row(page, kept.ids[0.3]).locator(".tick input").check()
    wait_until(page, lambda: len(lines(page, "overlay-loss")) == 1)
    page.locator(".st-key-train button").click()
    expect(page.locator(".glassnet-runs tr.current .status")).to_have_text("training")
    epochs = page.locator(".glassnet-runs tr.current td.epoch")
    page.evaluate("() => { document.querySelector('.glassnet-runs tr.current').sameAsEver = true }")
    first = float(epochs.inner_text())
    wait_until(page, lambda: float(epochs.inner_text()) > first + 5)
    assert page.evaluate("() => document.querySelector('.glassnet-runs tr.current').sameAsEver")
    assert row(page, kept.ids[0.3]).locator(".tick input").is_checked()
    assert number_after(page.locator(".stSidebar"), "step") > 0
    page.locator(".st-key-pause button").click()
    expect(page.locator(".glassnet-runs tr.current .status")).to_have_text("paused")
    page.locator(".glassnet-runs .search").fill("lr=1")
    row(page, kept.ids[1.0]).locator(".tick input").check()
    wait_until(page, lambda: len(lines(page, "overlay-loss")) == 2)
    go(page, "Data")
    go(page, "Runs")  # filter and ticks are as they were left
    wait_until(page, lambda: order(page) == [kept.ids[1.0]])
    wait_until(page, lambda: len(lines(page, "overlay-loss")) == 2)


@pytest.mark.slow
def test_ticked_settings_race_under_one_transport_bar_and_f5_finds_the_race_again(page: Page, kept: Kept) -> None:
    open_app(page, f"{kept.url}/runs")
    for rate in (0.1, 1.0):
        row(page, kept.ids[rate]).locator(".tick input").check()
    page.locator(".st-key-race-ticked button").first.click()
    page.wait_for_url("**/race*")
    wait_until(page, lambda: [line["name"] for line in lines(page, "race-loss") if line["n"] > 1] == ["lr 0.1", "lr 1"])
    expect(page.locator(".stMain").get_by_text("finished")).to_have_count(2)
    page.reload()
    expect(page.locator(".stMain").get_by_text("finished")).to_have_count(2)
    assert "race=" in page.url
    page.locator(".st-key-race-open-1 button").first.click()
    expect(page.locator(".stSidebar")).to_contain_text("finished")
    page.locator(".st-key-race-end button").first.click()
    expect(page.locator(".st-key-race-rates")).to_be_visible()
    assert "race=" not in page.url


@pytest.mark.slow
def test_a_run_is_taken_away_in_files_and_an_archive_brought_in_becomes_the_run_on_the_pages(
    page: Page, kept: Kept, tmp_path: Path
) -> None:
    run_id = kept.ids[0.3]
    open_app(page, f"{kept.url}/runs?run={run_id}")
    page.locator(".st-key-export button").click()
    page.locator(".st-key-export-csv").wait_for()
    wait_idle(page)
    files = {}
    for form in ("csv", "card", "archive"):
        with page.expect_download() as download:
            page.locator(f".st-key-export-{form} button:visible").first.click()
        files[form] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[form])
    assert files["csv"].name == f"glassnet-{run_id}-step20.csv"
    assert files["csv"].read_text().startswith("series,step,epoch,images,seconds,value\n")
    assert "Glassnet run card" in files["card"].read_text()
    page.keyboard.press("Escape")
    page.locator(".st-key-import button").first.click()
    bad = tmp_path / "bad.zip"
    bad.write_bytes(files["archive"].read_bytes()[:-30])
    empty = tmp_path / "empty.zip"
    empty.touch()
    said_of = {bad: "Nothing was imported", empty: "empty.zip is empty", files["archive"]: "Imported as run"}
    for file, said in said_of.items():
        page.locator("input[type='file']").set_input_files(file)  # the popover stays open
        expect(page.get_by_text(said)).to_be_visible()
        wait_idle(page)
    assert len(order(page)) >= 4
    assert f"run={run_id}" not in page.url  # it is there already, so the import has an id of its own
    expect(page.get_by_text("epoch 1.0").first).to_be_attached()
