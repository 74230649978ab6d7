"""Values as HTML for notebooks: trees that fold, tables, programs beside their graph.

Colours are those of the page, so that both light and dark ones are readable.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from .graph import drawing
from .outline import Part, amount, part_of, parts_of

PARTS = 400  # of a tree that are shown
MEASURED = 10_000_000  # elements of an array, up to which its statistics are computed
STYLE = """<style>
.fg details { margin-left: 1.2em; } .fg > details { margin-left: 0; }
.fg div { margin-left: 2.3em; } .fg summary { cursor: pointer; }
.fg small { opacity: 0.65; margin-left: 0.6em; } .fg b { color: #c0392b; }
.fg td, .fg th { text-align: right; padding: 0.1em 0.8em; }
.fg td.text, .fg th.text { text-align: left; }
.fg, .fg pre { font-family: monospace; line-height: 1.5; } .fg svg text { fill: currentColor; }
</style>"""


def page(*parts: str) -> str:
    """Parts of a page with their style."""
    return f'{STYLE}<div class="fg">{"".join(parts)}</div>'


def tree_html(value: Any) -> str:
    """A tree that folds: arrays with shape, dtype, bytes, mean, deviation and range."""
    return page("".join(_tree("", value, part_of(value), [PARTS], is_open=True)))


def _tree(
    label: str, value: Any, part: Part, left: list[int], is_open: bool = False
) -> Iterator[str]:
    """Yield the HTML of a value and its parts, until so many parts are shown."""
    left[0] -= 1
    if not part.parts or (not part.size and part.line):
        yield f"<div>{escape(label + (part.line or part.opening))}{_facts(value)}</div>"
        return
    head = escape(f"{label}{part.opening}...{part.closing}")
    total = f"<small>{part.size:,} elements, {amount(part.nbytes)}</small>" if part.size else ""
    yield f"<details{' open' * is_open}><summary>{head}{total}</summary>"
    _, named, _ = parts_of(value) or ("", [], "")
    for i, ((name, x), (_, inner)) in enumerate(zip(named, part.parts, strict=True)):
        if left[0] <= 0:
            yield f"<div>... <small>{len(named) - i} more</small></div>"
            break
        yield from _tree(name, x, inner, left)
    yield "</details>"


def _facts(x: Any) -> str:
    """Bytes and statistics of an array of numbers."""
    if not isinstance(x, np.ndarray) or not x.ndim or x.dtype.kind not in "biuf":
        return ""
    words = [amount(x.nbytes)]
    if 0 < x.size <= MEASURED:
        finite = x[np.isfinite(x)].astype(np.float64)
        if finite.size:
            words.append(f"mean {finite.mean():.3g}, std {finite.std():.3g}")
            words.append(f"{finite.min():.3g} to {finite.max():.3g}")
        if finite.size < x.size:
            words.append(f"<b>{x.size - finite.size:,} nan or inf</b>")
    return f"<small>{', '.join(words)}</small>"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], texts: int = 0) -> str:
    """A table whose first columns are texts, the others numbers."""
    cell = lambda tag, i, x: f"<{tag}{' class=text' * (i < texts)}>{escape(str(x))}</{tag}>"
    line = lambda tag, row: f"<tr>{''.join(cell(tag, i, x) for i, x in enumerate(row))}</tr>"
    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', head)}</thead><tbody>{body}</tbody></table>"


def folded(title: str, text: str, is_open: bool = False) -> str:
    """A text that folds under its title."""
    opened = " open" * is_open
    return f"<details{opened}><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def program_html(program: Any) -> str:
    """A program: its text, and its graph where it is small enough to be read."""
    jaxpr = getattr(program, "jaxpr", program)
    ins, outs = (", ".join(str(v.aval) for v in vs) for vs in (jaxpr.invars, jaxpr.outvars))
    title = f"program of {len(jaxpr.eqns):,} equations: {ins} -> {outs}"
    return page(folded(title, repr(program), is_open=len(jaxpr.eqns) <= 30), drawing(jaxpr))
