"""Longer texts of the app, in files that a translator can edit, and what reads them."""

from ui.texts.glossary import Term, glossary, link, linked, page_of
from ui.texts.looking_at import Sight, sight_of

__all__ = ["Sight", "Term", "glossary", "link", "linked", "page_of", "sight_of"]
