"""Frameworks: the same network here and in PyTorch, Keras, TensorFlow and scikit-learn, measured on this machine."""

from ui import session
from ui.panels import frameworks
from ui.session.frameworks import compares, comparison

if comparison() is None:
    with session.guard("The comparison"):
        frameworks.setup()
else:
    session.live("The comparison", frameworks.results, compares)
with session.guard("The code"):
    frameworks.code()
