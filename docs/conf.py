"""Sphinx: ``pip install '.[docs]'``, then ``python -m sphinx -W docs docs/_build``."""

import share

project = "share"
release = version = share.__version__
author = "The authors of share"
copyright = author  # noqa: A001 -- Sphinx's name for it

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
highlight_language = "none"

html_theme = "furo"
html_title = f"share {version}"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
