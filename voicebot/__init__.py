"""A voice bot that answers phone calls in Dutch and English."""

__version__ = "0.1.0"
