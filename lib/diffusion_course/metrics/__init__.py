"""Numbers that say how good a model is; each takes arrays or callables and gives plain numbers."""
