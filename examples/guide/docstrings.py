"""Docstrings as reST: marks that mean a product or an absolute value are no markup."""

import builtins
import inspect
import re

from docutils import nodes
from reference import escape
from sphinx import addnodes
from sphinx.util.inspect import stringify_signature

LONGEST = 120  # characters of the type of a result, with the modules of its parts
SECTION = re.compile(r"^(Args|Raises|Yields|Returns)\b[^:]*:$")


def joined(lines):
    """Lines, with arguments that share a description on one."""
    return re.sub(r"^(    \w[\w, *]*,)\n +", r"\1 ", "\n".join(lines), flags=re.M).split("\n")


def process(app, what, name, obj, options, lines):
    """Escape prose, set the type of a transform as code, and give each part its blank line."""
    result, inside = [], False
    for line in joined(lines):
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


class Shown:
    """A default value by a short name."""

    def __init__(self, value):
        text = getattr(value, "__name__", repr(value))
        self.text = text if len(text) <= 24 and text[0] != "<" else "..."

    def __repr__(self):
        return self.text


def documented(obj):
    """The names in the section Args of a docstring."""
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", (inspect.getdoc(obj) or "") + "\n", re.M)
    heads = re.findall(r"^    ([\w, *]+):", section[1] if section else "", re.M)
    return set(re.findall(r"\w+", " ".join(heads)))


def of_class(obj):
    """The arguments of a class; fields that it computes itself are left out."""
    own, named, kept = inspect.signature(obj), documented(obj), []
    for p in own.parameters.values():
        if p.name in named or not named or p.kind is not p.KEYWORD_ONLY:
            shown = p.default if p.default is p.empty else Shown(p.default)
            kept.append(p.replace(default=shown))
    own = own.replace(parameters=kept, return_annotation=own.empty)
    return stringify_signature(own, unqualified_typehints=True)


def signature(app, what, name, obj, options, text, returns):
    """Arguments without annotations that say nothing."""
    if what == "class" and text:  # distributions are made by the library alone
        text = "" if obj.__module__.startswith("funcgrad.scipy.stats.") else of_class(obj)
    if text:
        text = re.sub(r": (?:~typing\.)?Any\b( = )?", lambda m: "=" if m[1] else "", text)
    if returns and len(returns) > LONGEST:
        returns = returns.partition("[")[0]
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
