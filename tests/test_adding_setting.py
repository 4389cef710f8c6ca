"""Adding a setting touches one file: a copy of the project gets one more field in a group, and knows it everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.pages.looking import without_links

FIELD = """
    patience_level: float = declare(
        "float",
        0.0,
        "Patience level",
        "How patient the network is. Try 0.5.",
        r"p",
        "training",
        "now",
        citation="Job 1:22",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.25, 0.5, 1.0),
        zero_means="off",
        searched=(0.0, 0.5),
    )
"""

LOOK = """
import contextlib, io, json, os
os.environ["GLASSNET_RUNS"] = os.path.join(os.getcwd(), "runs")
from streamlit.testing.v1 import AppTest
from nn_core import RunConfig, Trainer, load_mnist
from nn_core.cli.main import main
from nn_core.config.run_config import setting
from nn_core.export import ExportSource, export
from nn_core.search.space import suggested, varied_settings

page = "from ui.sidebar.settings import settings; settings('now')"
app = AppTest.from_string(page, default_timeout=30).run()
slider = app.select_slider(key="set-patience_level")
config = RunConfig(patience_level=0.25, n_train=200, hidden=(4,), epochs=1)
trainer = Trainer(config, load_mnist())
trainer.change("patience_level", 0.5)
trainer.step()
told = Trainer.resume(trainer.checkpoint(), load_mnist()).config.patience_level
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    main("train --patience-level 0.5 --n-train 200 --hidden 4 --epochs 1 --quiet --json".split())
with contextlib.redirect_stdout(io.StringIO()) as helped, contextlib.suppress(SystemExit):
    main(["train", "--help"])
weights = trainer.model.weights(), True, trainer.history.series()
card = export(ExportSource("0123abcd", "", config, (), 0, 0.0, 0.0, 0.0, *weights), "card", load_mnist)
try:
    RunConfig(patience_level=2)
    refusal = ""
except ValueError as error:
    refusal = str(error)
print(json.dumps({
    "label": slider.label, "help": slider.help, "stops": slider.options, "exceptions": len(app.exception),
    "link": RunConfig.from_query(config.to_query())[0].patience_level,
    "command": config.to_command(), "resumed": told,
    "trained": json.loads(printed.getvalue().splitlines()[-1])["config"]["patience_level"],
    "command help": "--patience-level" in helped.getvalue() and "How patient" in helped.getvalue(),
    "searched": repr(suggested(setting("patience_level"))), "varied": setting("patience_level") in varied_settings(),
    "card": "Patience level" in card.decode(), "refusal": refusal,
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a copy of the project with one more setting says of it."""
    copy: Path = tmp_path_factory.mktemp("copy")
    for package in ("nn_core", "ui"):
        leave_out = shutil.ignore_patterns("__pycache__", "*.npz", "*.safetensors")
        shutil.copytree(ROOT / package, copy / package, ignore=leave_out)
    for file in (ROOT / "nn_core" / "data").glob("*.[ns][pa][zf]*"):
        (copy / "nn_core" / "data" / file.name).symlink_to(file)
    group = copy / "nn_core" / "config" / "groups" / "training.py"
    group.write_text(group.read_text() + FIELD)
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_it_stands_in_the_sidebar_with_its_help_and_its_stops(found: dict[str, object]):
    assert str(found["label"]).startswith("Patience level") and "How patient the network is" in without_links(
        str(found["help"])
    )
    assert found["stops"] == ["off", "0.25", "0.5", "1"] and found["exceptions"] == 0


def test_a_link_a_command_and_a_checkpoint_carry_it(found: dict[str, object]):
    assert found["link"] == 0.25 and "--patience-level 0.25" in str(found["command"]) and found["resumed"] == 0.5


def test_the_command_line_takes_it_and_explains_it(found: dict[str, object]):
    assert found["trained"] == 0.5 and found["command help"] is True


def test_a_search_may_vary_it_in_the_range_that_it_brings(found: dict[str, object]):
    assert found["varied"] is True and "0.5" in str(found["searched"])


def test_an_export_says_it_and_a_value_out_of_range_is_refused(found: dict[str, object]):
    assert found["card"] is True and found["refusal"] == "patience_level must be in [0, 1], got 2"
