"""The panels of the Dynamics page: one an instrument, drawn from its declaration, and some with more than a curve."""
