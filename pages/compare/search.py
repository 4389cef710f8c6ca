"""Search: many short trainings with settings drawn from ranges, the worst of them cut short, the best one to keep."""

from ui import search_panels, search_setup, session
from ui.session import searches

if searches.search_on_page() is None:
    with session.guard("The setup of a search"):
        search_setup.setup()
else:
    session.live("The search", search_panels.search, searches.search_runs)
