"""Docstrings as reST: marks that mean a product or an absolute value are no markup."""

import builtins
import inspect
import re

from docutils import nodes
from reference import escape
from sphinx import addnodes

SECTION = re.compile(r"^(Args|Raises|Yields|Returns)\b[^:]*:$")


def process(app, what, name, obj, options, lines):
    """Escape prose, set the type of a transform as code, and give each part its blank line."""
    result, inside = [], False
    for line in lines:
        if line.startswith(">>>"):
            inside = True
        elif not line.strip():
            inside = False
        if inside:
            result.append(line)
        elif re.match(r"^\w+ : .*->", line):
            result += [f"``{line}``"]
        elif section := SECTION.match(line):
            result += ["", f"{section[1]}:"]
        elif line.startswith("Source:"):
            result += ["", escape(line)]
        else:
            result.append(escape(line))
    lines[:] = result


def signature(app, what, name, obj, options, text, returns):
    """Leave out annotations that say nothing."""
    if text:
        text = re.sub(r": ~typing\.Any( = )?", lambda found: "=" if found[1] else "", text)
    return text, None if returns == "~typing.Any" else returns


def skip(app, what, name, obj, skipped, options):
    """Leave out fields of dataclasses and named tuples: the arguments describe them."""
    is_method = inspect.isroutine(obj) and "." in getattr(obj, "__qualname__", "")
    return skipped or not (is_method or isinstance(obj, property | classmethod | staticmethod))


def unlink(app, doctree):
    """Take links from built-in types and type variables: they would lead to namesakes."""
    for node in list(doctree.findall(addnodes.pending_xref)):
        target = node.get("reftarget", "")
        if node.get("reftype") == "class" and (hasattr(builtins, target) or len(target) == 1):
            node.replace_self(nodes.Text(target))
