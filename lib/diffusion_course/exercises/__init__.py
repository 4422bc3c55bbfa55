"""Exercises as data, one module per chapter, and the judge of all answers (``base``)."""
