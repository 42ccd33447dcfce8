"""Sphinx: `make docs` builds these pages, with `-W`, into docs/_build/html."""

from importlib.metadata import version as installed
from importlib.util import find_spec

project = "unblur"
author = "The unblur authors"
copyright = "The unblur authors, Apache-2.0"
version = release = installed("unblur")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "README.md"]  # that is the index for readers on GitHub
nitpicky = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_default_options = {"members": True, "exclude-members": "more"}
# One class is a module of PyTorch, which nobody should install to read about it.
autodoc_mock_imports = [] if find_spec("torch") else ["torch"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"unblur {release}"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}
