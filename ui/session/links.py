"""What a link asks for: the settings in an address's query, and a sentence for each thing in it that was refused."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core import DataError, RunConfig, load_dataset
from nn_core.config.run_config import all_settings


def read_link(query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
    """The settings that a query names, defaults where it makes no sense, and one sentence a problem."""
    config, problems = RunConfig.from_query(dict(query))
    if config.dataset != "mnist":
        try:
            if not config.dataset.isidentifier():
                raise DataError("a link may name a data set of nn_core/data, not a path")
            load_dataset(config.dataset)
        except DataError as error:
            problems.append(f"{error}; MNIST is used")
            config = config.replace(dataset="mnist")
    sentences = [f"The address was not taken whole: {problem}." for problem in problems]
    unknown = sorted(set(query) - {item.name for item in all_settings()})
    if unknown:
        sentences.append(f"The address names settings that there are not: {', '.join(unknown)[:200]}.")
    return config, sentences
