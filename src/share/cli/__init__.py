"""The command line: ``python -m share``."""
