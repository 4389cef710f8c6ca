"""Glossary: the words of the field, where each is seen in the app, and where it comes from."""

from ui import session
from ui.panels import glossary

with session.guard("The glossary"):
    glossary.page()
