"""A foreign word is drawn as it is. What Chromium makes of it: tests/browser/test_foreign_words.py."""

from __future__ import annotations

import pytest

from ui.words import plain


@pytest.mark.parametrize(
    ("word", "source"),
    [
        ("**a** <b>\n:red[x] $y$", r"\*\*a\*\* \<b> \:red\[x\] \$y\$"),
        ("__a__ _b_ batch_size", r"\_\_a\_\_ \_b\_ batch_size"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("12. a", r"12\. a"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("a\\*", r"a\\\*"),
    ],
)
def test_what_means_something_in_markdown_gets_a_backslash(word: str, source: str) -> None:
    assert plain(word) == source


@pytest.mark.parametrize(
    ("word", "parted"),
    [
        ("http://example.org", "http\u2060"),
        ("HTTPS://example.org", "HTTP\u2060S"),
        ("www.example.org", "www\u2060"),
        ("a@example.org", "a\u2060@"),
        (":material/home:", ":\u2060"),
        (":streamlit:", ":\u2060"),
        ("a -> b", "a -\u2060>"),
        ("a >= b", "a >\u2060="),
    ],
)
def test_nothing_that_becomes_a_link_an_icon_or_an_arrow_stays_in_one_piece(word: str, parted: str) -> None:
    assert parted in plain(word).replace("\\", "")


def test_a_foreign_word_is_one_line_without_what_cannot_be_seen() -> None:
    assert plain("a\n\tb \u202ec\x00\ud800") == "a b \ufffdc\ufffd\ufffd"


def test_words_that_mean_nothing_in_markdown_stay_as_they_are() -> None:
    sentence = "The run has not reached step 41 of this link: batch_size 0.1 (He), -3, a-b + c = d!"
    assert plain(sentence) == sentence
