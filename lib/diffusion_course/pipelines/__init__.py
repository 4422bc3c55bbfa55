"""Pipelines: network, schedule and sampler put together, ready to make pictures."""
