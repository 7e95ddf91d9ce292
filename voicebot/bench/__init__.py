"""Measurements: latency, pacing, load."""
