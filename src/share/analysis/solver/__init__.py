"""Finds what functions do to objects, as a fixed point over their instructions."""
