"""The commands of the command line: one module each, heavy imports inside the functions."""
