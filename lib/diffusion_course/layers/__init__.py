"""Layers and the tensor operations between them."""
