"""The formulas that instruments are made of: plain functions of arrays, which know of no run and keep nothing."""
