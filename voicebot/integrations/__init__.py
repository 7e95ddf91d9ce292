"""Backends that tasks call."""
