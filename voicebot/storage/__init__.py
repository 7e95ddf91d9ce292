"""The record of calls."""
