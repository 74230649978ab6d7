"""Write pages of the guide as Jupyter notebooks: ``python examples/guide/notebooks.py``.

They have no output, so that they are compared as text. Directives of Sphinx become plain Markdown.
"""

import json
import re
from pathlib import Path

import uses

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "notebooks"
PAGES = ("tour", "from_scratch", "how_it_works", "training", "science")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def link(found):
    """A link to another page: to its notebook, or to its source."""
    name, anchor = found[1], found[2] or ""
    return f"]({name}.ipynb{anchor})" if name in PAGES else f"](../guide/{name}.md{anchor})"


def head(found):
    """The title of a note, or its kind."""
    return f"**{found[2] or found[1].capitalize()}**"


def markdown(text):
    """Text without directives and roles: notes are quotations, names are code."""
    text = re.sub(r"\{\w+\}`([^`<]*?) *(?:<[^`]*>)?`", r"`\1`", text)
    text = re.sub(r"\]\((\w+)\.md(#[\w-]*)?\)", link, text)
    text = re.sub(r"\]\((?:reference|gallery)/[^)]*\)", "](../guide/index.md)", text)
    text = re.sub(r"^:::+\{(\w+)\} *(.*)$", head, text, flags=re.M)
    return re.sub(r"^:::+$|^:[\w-]+:.*$\n", "", text, flags=re.M).strip()


def code(text):
    """Code that finds the data from the folder of notebooks."""
    return text.replace('"examples/', '"../').strip()


def cell(number, kind, text):
    result = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
    if kind == "code":
        result |= {"execution_count": None, "outputs": []}
    return {**result, "source": text.splitlines(keepends=True)}


def notebook(page):
    """The notebook of a page in MyST, as a dictionary."""
    text = re.sub(r"\A---\n.*?^---\n", "", page, flags=re.M | re.S)
    cells = list(uses.cells(text))
    parts = []
    for words, each in zip(uses.CELL.split(text)[::2], [*cells, None], strict=True):
        if words.strip():
            parts.append(("markdown", markdown(words)))
        if each is not None:
            parts.append(("code", code(each.code)))
    made = [cell(i, *part) for i, part in enumerate(parts)]
    for each, of in zip([c for c in made if c["cell_type"] == "code"], cells, strict=True):
        if of.raises:
            each["metadata"] = {"tags": ["raises-exception"]}
    return {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def texts():
    """The file and the text of each notebook."""
    for name in PAGES:
        page = (HERE / f"{name}.md").read_text(encoding="utf-8")
        text = json.dumps(notebook(page), indent=1, ensure_ascii=False)
        yield FOLDER / f"{name}.ipynb", f"{text}\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in texts():
        path.write_text(text, encoding="utf-8")
