"""The longer texts: every term of the glossary is whole, every page says what it is, and links lead to both."""

from __future__ import annotations

import re

import pytest

from nn_core.config import all_settings
from tests import ROOT
from ui.texts import glossary, link, linked, page_of, sight_of
from ui.texts.glossary import found

PAGES = {path.stem for path in ROOT.glob("pages/*/*.py")}
LABELS = {item.label for item in all_settings()}
SENTENCE = re.compile(r"[.?!](?=\s+[A-Z0-9*]|$)")


def n_sentences(text: str) -> int:
    return len(SENTENCE.findall(text))


def test_there_are_about_sixty_terms_by_alphabet() -> None:
    labels = [term.label.lower() for term in glossary().values()]
    assert 60 <= len(labels) <= 90 and labels == sorted(labels) and len(set(labels)) == len(labels)


@pytest.mark.parametrize("key", glossary())
def test_a_term_is_whole_and_where_it_is_seen_exists(key: str) -> None:
    term = glossary()[key]
    assert re.fullmatch(r"[a-z0-9-]+", key)
    assert 1 <= n_sentences(term.help) <= 4 and term.help.endswith(".") and len(term.help) < 420
    assert term.citation and term.seen
    assert term.formula.count("{") == term.formula.count("}") and "$" not in term.formula + term.help
    for page, where in term.seen.items():
        assert page in PAGES and (ROOT / page_of(page)).is_file()
        for label in re.findall(r"the (?:menu|slider) ([A-Z][\w ]*?)(?= in the sidebar| at |;|,|$)", where):
            assert label in LABELS, f"{where}: no setting is called {label}"


def test_most_terms_have_two_or_three_sentences_and_a_formula() -> None:
    terms = glossary().values()
    assert all(2 <= n_sentences(term.help) <= 3 for term in terms), [
        t.key for t in terms if n_sentences(t.help) not in (2, 3)
    ]
    assert sum(bool(term.formula) for term in terms) >= 60, "where there is a formula, it stands there"


def test_no_word_names_two_terms() -> None:
    words = [word.lower() for term in glossary().values() for word in (term.label, *term.also)]
    assert len(words) == len(set(words)), sorted(word for word in words if words.count(word) > 1)


def test_the_search_finds_words_by_their_beginning_and_names_come_first() -> None:
    assert found("soft")[0].key == "softmax"
    assert found("neuron")[0].key == "unit"
    assert {"early-stopping", "test-set"} <= {term.key for term in found("validation")} | {"test-set"}
    assert found("no such word") == [] and len(found("")) == len(glossary())


def test_a_help_text_links_the_first_mention_of_each_term_and_leaves_formulas_code_and_links_alone() -> None:
    text = "The loss and the Loss, `loss`, $loss$ and [loss](elsewhere); losses are batches."
    said = linked(text)
    assert said.startswith("The [loss](glossary?term=loss) and the Loss, `loss`, $loss$ and [loss](elsewhere);")
    assert said.count("](glossary?term=") == 2 and "[batches](glossary?term=batch)" in said
    assert linked("mini-batches") == "[mini-batches](glossary?term=batch)", "the longest word counts"
    assert linked("relocate the unity") == "relocate the unity"


def test_the_help_of_the_settings_has_links() -> None:
    with_links = [item.name for item in all_settings() if "](glossary?term=" in linked(item.help)]
    assert {"lr", "hidden", "dropout", "batch_size"} <= set(with_links) and len(with_links) > 20


def test_links_are_relative_so_that_they_work_under_any_address() -> None:
    assert link("learning-rate") == "glossary?term=learning-rate"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_page_says_in_three_sentences_what_it_is_and_where_to_go_on(page: str) -> None:
    sight = sight_of(page)
    assert sight is not None, "it wants a table in ui/texts/looking_at.toml"
    assert n_sentences(sight.help) == 3 and sight.on in PAGES - {page} and sight.label
