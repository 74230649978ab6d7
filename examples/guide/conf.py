"""Settings of Sphinx for the guide; ``build.py`` copies this file with the pages, and runs it."""

import os
from pathlib import Path

import docstrings
from docutils import nodes
from docutils.utils.math import latex2mathml

import funcgrad

HERE = Path(os.environ["GUIDE"])

project = "funcgrad"
author = "the funcgrad developers"
copyright = "the funcgrad developers, Apache License 2.0"
version = release = funcgrad.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "gallery/**/*.ipynb",
    "gallery/**/*.json",
    "gallery/**/*.py",
    "gallery/**/*.zip",
]

# pages
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parents[1] / "build" / "guide" / "cells")
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # on a busy machine
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_merge_streams = True
nb_output_stderr = "remove-warn"

# reference
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # a method is described where it is first
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# gallery
sphinx_gallery_conf = {
    "examples_dirs": [str(HERE / "gallery")],
    "gallery_dirs": ["gallery"],
    "subsection_order": [
        os.path.relpath(HERE / "gallery" / group, Path(__file__).parent)
        for group in ("motion", "fields", "inference", "learning", "structure", "debugging")
    ],
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py$",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "image_srcset": ["2x"],
    "thumbnail_size": (520, 240),
    "remove_config_comments": True,
    "reset_modules": ("style.apply",),
    "reset_modules_order": "before",
    "plot_gallery": "True",
}

# site
html_theme = "furo"
html_title = "funcgrad"
html_static_path = ["_static"]
html_css_files = ["guide.css"]
html_favicon = "_static/mark.svg"
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
    "light_css_variables": {
        "color-brand-primary": "#1f5fa8",
        "color-brand-content": "#1f5fa8",
        "color-brand-visited": "#1f5fa8",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7db7f2",
        "color-brand-content": "#7db7f2",
        "color-brand-visited": "#7db7f2",
    },
}
pygments_style = "tango"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div.highlight-ipython3 pre, div.highlight-python pre, div.doctest pre"
copybutton_prompt_text = ">>> "


def visit_math(self, node):
    """Write a formula as MathML, which browsers show without scripts and without a network."""
    block = isinstance(node, nodes.math_block)
    self.body.append(latex2mathml.tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("autodoc-process-docstring", docstrings.process, priority=100)
    app.connect("autodoc-process-signature", docstrings.signature)
    app.connect("autodoc-skip-member", docstrings.skip)
    app.connect("doctree-read", docstrings.unlink)
