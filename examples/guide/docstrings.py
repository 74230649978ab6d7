"""Docstrings as reST: marks that mean a product or an absolute value are no markup."""

import re

LITERAL = re.compile(r"(``.*?``|:\w+:`[^`]*`|`[^`]*`)")
SECTION = re.compile(r"^(Args|Raises|Yields|Returns)\b[^:]*:$")


def escape(line):
    """A line without accidental markup."""
    parts = LITERAL.split(line)
    return "".join(p if i % 2 else re.sub(r"([*|\\]|_\b)", r"\\\1", p) for i, p in enumerate(parts))


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
