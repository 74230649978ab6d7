"""The guide: pages compile, are linked, and run; the reference has every public name."""

import doctest
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import funcgrad
from funcgrad.core.registry import primitives

from .test_public_names import PUBLIC

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "examples" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))

NOTEBOOKS = sorted(path.name for path in (ROOT / "examples" / "notebooks").glob("*.ipynb"))

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
with_docs = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("matplotlib", "scipy"))),
    reason="pages draw by matplotlib and solve by SciPy: pip install 'funcgrad[docs]'",
)


TOOLS = ("checks", "notebooks", "reference", "uses")


@pytest.fixture(scope="module")
def tools():
    """The modules that build the guide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(GUIDE)
        yield {name: importlib.import_module(name) for name in TOOLS}
        for name in TOOLS:
            del sys.modules[name]


def text_of(page):
    return page.read_text(encoding="utf-8")


# what is read without running it


def test_every_page_is_in_the_table_of_contents():
    listed = set()
    for page in PAGES:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", text_of(page), re.M | re.S):
            listed |= {line for line in block.split() if not line.startswith(":")}

    assert {page.stem for page in PAGES} - {"index"} <= listed


@each_page
def test_cells_are_plain_python(page, tools):
    cells = list(tools["uses"].cells(text_of(page)))
    for cell in cells:
        compile(cell.code, page.name, "exec")

    assert len(cells) == len(re.findall(r"^```\{code-cell\}", text_of(page), re.M)) > 0


@each_page
def test_links_to_pages_and_names_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    missing = [link for link in links if not (GUIDE / link).exists() and not written(link)]

    assert missing == []


def written(link):
    """Whether the build writes a page: of the reference, or of a plate."""
    path = Path(link)
    if path.parts[0] == "reference":
        return path.stem in PUBLIC or path.stem == "index"
    return (GUIDE / path).with_suffix(".py").exists() or path.stem == "index"


def test_the_reference_has_every_public_name(tools, tmp_path):
    tools["reference"].write(tmp_path)
    named = {}
    for path in tmp_path.glob("funcgrad*.rst"):
        named[path.stem] = set(re.findall(rf":: {path.stem}\.(\w+)$", text_of(path), re.M))
    expected = {path: set(tools["reference"].names_of(PUBLIC[path])) for path in PUBLIC}

    assert named == {path: names for path, names in expected.items() if names}


EXAMPLES = dict(
    block.split("\n", 1) for block in (GUIDE / "examples.txt").read_text().strip().split("\n\n")
)
EXTRAS = {  # that examples need
    "funcgrad.export.onnx": "onnx", "funcgrad.export.stablehlo": "jax",
    "funcgrad.train.TensorBoardWriter": "tensorboardX",
}  # fmt: skip
PROCESSES = (
    "funcgrad.dist.launch",
    "funcgrad.dist.RankFailedError",
    "funcgrad.dist.RanksDifferError",
)
each_example = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in PROCESSES else ()) for n in EXAMPLES],
)


@each_example
def test_an_example_of_the_reference_gives_what_it_says(name):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name], reason="an optional extra")
    example = doctest.DocTestParser().get_doctest(
        f"{EXAMPLES[name]}\n", {"fg": funcgrad, "np": np}, name, "examples.txt", 0
    )
    before = set(primitives)
    try:
        failures, attempted = doctest.DocTestRunner(
            verbose=False, optionflags=doctest.ELLIPSIS
        ).run(example)
    finally:
        for added in set(primitives) - before:
            del primitives[added]

    assert attempted and failures == 0


def test_a_public_name_has_an_example(tools):
    found = tools["reference"].ordered()
    pages = tools["reference"].homes(found)
    values = {full: getattr(found[p], full.rpartition(".")[2]) for p, full in pages.values()}
    lacking = {n for n, x in values.items() if ">>>" not in (inspect.getdoc(x) or "")}

    assert lacking == set(EXAMPLES)


def test_words_are_spelt_right(tools):
    pytest.importorskip("spellchecker", reason="the dictionary is in the docs extra")

    assert tools["checks"].misspelt() == []


def test_a_dead_link_and_a_wrong_word_are_found(tools, tmp_path):
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html#x">b</a> <a href="#here">h</a>')
    (tmp_path / "b.html").write_text('<a href="c.html">c</a> <a href="https://example.org">e</a>')
    prose = tools["checks"].prose(
        "---\nno: front\n---\nThe `code` and $x_{ab}$ of [links](to.md).\n"
    )

    assert tools["checks"].dead_links(tmp_path) == [
        "a.html: nothing at b.html#x", "b.html: nothing at c.html",
    ]  # fmt: skip
    assert prose == {"The", "and", "of", "links"}


def test_the_notebooks_are_the_pages(tools):
    texts = dict(tools["notebooks"].texts())

    assert set(texts) == set((ROOT / "examples" / "notebooks").glob("*.ipynb"))
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, "run python examples/guide/notebooks.py"


def test_a_notebook_has_plain_markdown_and_code(tools):
    page = (
        "---\na: b\n---\n# T\n\n{any}`fg.vmap <funcgrad.vmap>`, [t](tour.md), [f](faq.md#a)\n\n"
        ':::{note}\nN.\n:::\n\n```{code-cell}\n:tags: [raises-exception]\nopen("examples/a")\n```\n'
    )
    words, code = tools["notebooks"].notebook(page)["cells"]

    assert "".join(words["source"]) == (
        "# T\n\n`fg.vmap`, [t](tour.ipynb), [f](../guide/faq.md#a)\n\n**Note**\nN."
    )
    assert code["source"] == ['open("../a")']
    assert code["metadata"] == {"tags": ["raises-exception"]}


# what is run, from the top folder as a reader runs it

RUN = """
import sys
scope = {"__name__": "__main__"}
for code, raises in eval(sys.stdin.read()):
    try:
        exec(compile(code, "cell", "exec"), scope)
    except Exception:
        if not raises:
            raise
    else:
        assert not raises, f"no error was raised by:\\n{code}"
"""


def python(*args, text=""):
    environ = {
        **os.environ, "MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    command = [sys.executable, *map(str, args)]
    return subprocess.run(
        command, input=text, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


@with_docs
@pytest.mark.slow
@each_page
def test_a_page_runs(page, tools):
    cells = [tuple(cell) for cell in tools["uses"].cells(text_of(page))]
    done = python("-c", RUN, text=repr(cells))

    assert done.returncode == 0, done.stderr


@with_docs
@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_in_jupyter(name):
    nbclient = pytest.importorskip("nbclient", reason="of the docs extra")
    nbformat = pytest.importorskip("nbformat", reason="of the docs extra")
    pytest.importorskip("ipykernel", reason="of the docs extra")
    path = ROOT / "examples" / "notebooks" / name
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        client = nbclient.NotebookClient(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": path.parent}}
        )
        client.execute()

    assert any(cell.get("outputs") for cell in book.cells)


def recipe():
    """The script of the page on scaling out that fits by a pool of processes."""
    blocks = re.findall(r"^```python\n(.*?)^```", text_of(GUIDE / "scaling.md"), re.M | re.S)
    return next(block for block in blocks if "ProcessPoolExecutor" in block)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["", "joblib", "distributed", "ray"])
def test_the_recipe_of_a_sweep_runs(library, tmp_path):
    """By a pool of new processes, and by libraries, if they are installed."""
    code = recipe()
    if library:
        pytest.importorskip(library)
        row = re.search(rf"^\| \w+ \| (.*{library}\..*) \|$", text_of(GUIDE / "scaling.md"), re.M)
        *before, result = re.findall(r"`(.*?)`", row[1])
        head, _, rest = code.partition("    with Process")
        lines = [f"import {library}", *before, f"results = {result}"]
        code = head + "".join(f"    {line}\n" for line in lines) + rest[rest.index("    print") :]
    (tmp_path / "sweep.py").write_text(code)
    path = os.pathsep.join([str(ROOT), *sys.path])
    done = subprocess.run(
        [sys.executable, "sweep.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    slope, level = map(float, done.stdout.strip().splitlines()[-1].strip("[]").split())
    assert abs(slope - 3) < 0.5 and abs(level) < 0.5
