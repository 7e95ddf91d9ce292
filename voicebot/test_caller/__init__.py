"""A caller made of software, for operators and tests."""
