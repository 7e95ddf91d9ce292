"""Hypothesis without a deadline: a loaded machine is no property of these parsers."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("understanding", deadline=None)
settings.load_profile("understanding")
