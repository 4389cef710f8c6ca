"""Reads the settings out of a link, and says in a sentence each what could not be taken from it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nn_core import DataError, RunConfig, load_dataset
from nn_core.config import all_settings, sentence

TRACKING = re.compile(
    r"utm_\w+|[a-z]{0,5}clid|msclkid|gbraid|wbraid|igshid|igsh|mc_[ce]id|_ga|_gl|_hsenc|_hsmi|mkt_tok|ref|ref_src"
)


def without_tracking(query: Mapping[str, str]) -> dict[str, str]:
    """The query without what mail programs, search engines and social networks hang on a link."""
    return {name: value for name, value in query.items() if not TRACKING.fullmatch(name)}


def read_link(query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
    """The settings in an address's query, defaults where it is wrong or silent, and a sentence for each problem."""
    config, problems = RunConfig.from_query(dict(query))
    if config.dataset != "mnist":
        try:
            if not config.dataset.isidentifier():
                raise DataError("a link may name a data set of nn_core/data, not a path")
            load_dataset(config.dataset)
        except DataError as error:
            problems.append(f"{sentence(str(error))} MNIST is used.")
            config = config.replace(dataset="mnist")
    sentences = [f"Part of this link was ignored: {problem}" for problem in problems]
    unknown = sorted(set(query) - {item.name for item in all_settings()})
    if unknown:
        sentences.append(f"The link names unknown settings: {', '.join(unknown)[:200]}.")
    return config, sentences
