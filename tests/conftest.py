"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# The time of one example says nothing on a machine that other work shares; pytest-timeout finds what hangs.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
