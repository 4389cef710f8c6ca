"""The Glossary page: searched, and opened at a term by a link; and what every page says of itself."""

from __future__ import annotations

from tests.pages.looking import at, fails, notices, words

PAGE = "pages/understand/glossary.py"


def headings(app) -> list[str]:
    """The names of the terms on the page, in order."""
    names = [part.value.split("**")[1] for part in app.main.markdown if part.value.startswith("**")]
    return [name for name in names if not name.endswith("?")]


def test_a_link_opens_the_page_at_its_term_and_stays_in_the_address(app):
    before = app.session_state["draft"]
    app.switch_page(PAGE)
    app.query_params["term"] = "learning-rate"
    shown = app.run()
    assert not fails(shown) and not notices(shown)
    terms = headings(shown)
    assert terms[0] == "Learning rate" and terms.count("Learning rate") == 1 and len(terms) > 60
    assert shown.query_params["term"] in ("learning-rate", ["learning-rate"])
    assert shown.session_state["draft"] == before
    del shown.query_params["term"]  # as a page switch does
    assert headings(at(shown, PAGE))[0] == "Accuracy"


def test_what_is_searched_is_found_and_what_is_not_is_a_sentence(app):
    shown = at(app, PAGE)
    shown.text_input(key="glossary-search").input("softm").run()
    assert headings(shown)[0] == "Softmax" and "Dropout" not in headings(shown)
    shown.text_input(key="glossary-search").input("**no** such").run()
    assert not fails(shown) and r"No term matches '\*\*no\*\* such'" in words(shown)


def test_a_term_that_is_not_there_is_said_plainly(app):
    app.switch_page(PAGE)
    app.query_params["term"] = "<b>nothing</b>"
    shown = app.run()
    assert not fails(shown) and r"The glossary has no term '\<b>nothing\</b>'" in words(shown)


def test_a_page_says_what_one_looks_at_with_its_words_linked(app):
    shown = at(app, "pages/look/evaluate.py")
    (said,) = [part.value for part in shown.markdown if part.value.startswith("**What am I looking at?**")]
    assert "[test set](glossary?term=test-set)" in said
    assert "See why an image is read so" in {link.proto.label for link in shown.get("page_link")}
