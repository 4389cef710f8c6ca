"""Search: many short trainings with settings drawn from ranges, the worst of them cut short, the best one to keep."""

from ui import session
from ui.panels import search_results, search_setup
from ui.session import searches

if searches.search_on_page() is None:
    with session.guard("The setup of a search"):
        search_setup.setup()
else:
    session.live("The search", search_results.search, searches.search_runs)
