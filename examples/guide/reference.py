"""Write the API reference: a page for each public module, from its names and their docstrings.

A function or class of the library has an entry: signature, docstring, and links to its family and
to the pages and plates that use it. Twins of NumPy and names of another page are rows of a table.
"""

import importlib
import inspect
import operator
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import uses

import funcgrad

NUMPY = "https://numpy.org/doc/stable/reference/generated/numpy.{}.html"
SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.{}.html"
LITERAL = re.compile(r"(``.*?``|:\w+:`[^`]*`|`[^`]*`)")
TWIN = re.compile(r"; see numpy\.([\w.]+)\.$|^Apply numpy\.([\w.]+) .*$")
TAIL = re.compile(
    r"[:;.] |[:;.]$|, (?:each|and errors|from|by|in|on trees|for arrays|with|which|as)\b"
)  # of a sentence, too long for a heading
DISTRIBUTIONS = "funcgrad.scipy.stats"  # a module of objects
LEAST = 3  # names of a group with its own heading

# the top module, whose functions stand in many small files
TOP = {
    "Derivatives": "grad value_and_grad vjp jvp linearize linear_transpose stop_gradient",
    "Jacobians and Hessians":
        "jacobian jacfwd jacrev hessian hvp gnvp curvature laplacian value_grad_laplacian",
    "Taylor series": "taylor jet",
    "Batching": "vmap",
    "Compiling": "jit Compiled disable_jit",
    "Custom rules": "custom_jvp custom_vjp custom_gradient custom_batch",
    "Memory": "checkpoint remat checkpoint_name checkpoint_policies",
    "Programs": "make_jaxpr eval_shape ShapeDtypeStruct closure_convert",
    "Arrays and settings": "at ravel_pytree tree_flatten device_put block_until_ready config",
    "Checks": "check_grads",
}  # fmt: skip

# the files whose names come first on a page
FIRST = {
    "funcgrad.nn": "layers containers conv normalization recurrent cells attention transformer",
    "funcgrad.optim": "alias schedules wrappers transforms clipping adaptive",
    "funcgrad.lax": "loops conditionals associative implicit solve collectives",
    "funcgrad.random": "keys draws",
}

# the order of the pages, and their sections on the first one
SECTIONS = {
    "Transforms": "funcgrad errors debug tree",
    "Arrays and mathematics":
        "numpy numpy.linalg numpy.fft numpy.emath linalg special random random.bijectors "
        "lax sparse",
    "Models and training": "nn nn.init losses optim optim.contrib data train io",
    "SciPy":
        "scipy.integrate scipy.optimize scipy.stats scipy.signal scipy.signal.windows "
        "scipy.interpolate scipy.ndimage "
        "scipy.linalg scipy.fft scipy.special scipy.sparse.linalg",
    "Other environments": "export bridge dist",
    "Extending": "extend",
}  # fmt: skip


def path_of(name):
    return name if name == "funcgrad" else f"funcgrad.{name}"


def modules(module=funcgrad, path="funcgrad"):
    """The public modules by their paths; those of other libraries' names are left out."""
    yield path, module
    for name in dir(module):
        inner = getattr(module, name)
        if isinstance(inner, ModuleType) and name != "compat":
            yield from modules(inner, f"{path}.{name}")


def names_of(module):
    return [n for n in dir(module) if not isinstance(getattr(module, n), ModuleType)]


def first_line(value):
    """The first sentence of a docstring, on one line."""
    text = (inspect.getdoc(value) or "").split("\n\n")[0]
    return " ".join(text.split())


def sentence(module):
    return re.split(r"(?<=\.) ", first_line(module))[0]


def home(value):
    return getattr(value, "__module__", None) or ""


def ours(value):
    return home(value).partition(".")[0] == "funcgrad"


def escape(line):
    """A line without accidental markup."""
    parts = LITERAL.split(line)
    return "".join(p if i % 2 else re.sub(r"([*|\\]|_\b)", r"\\\1", p) for i, p in enumerate(parts))


# what a name is: an entry of its own, or a row of a table


def is_entry(path, value):
    """Whether a name is documented in full: it is ours, and more than a twin of NumPy's."""
    text = inspect.getdoc(value) or ""
    own = (inspect.isclass(value) or inspect.isroutine(value)) and ours(value)
    return own and (">>>" in text or not (path.startswith("funcgrad.numpy") or TWIN.search(text)))


def twin_of(path, name, value):
    """The name of NumPy's function under ``numpy.``, or None."""
    text = first_line(value) if ours(value) else ""
    if found := TWIN.search(text):
        return found[1] or found[2]
    if path.startswith("funcgrad.numpy"):
        return f"{path[len('funcgrad.numpy.') :]}.{name}".lstrip(".")
    return None if ours(value) and (inspect.isroutine(value) or inspect.isclass(value)) else name


def row(path, name, value, pages):
    """The cells of a table: the name, and what it is."""
    page = pages.get(id(value)) if ours(value) else None
    if page:
        return f":any:`{page[1]}`: {escape(first_line(value))}"
    if path == DISTRIBUTIONS:
        return f"as `scipy.stats.{name} <{SCIPY.format(f'stats.{name}')}>`__{shapes(value)}"
    twin = twin_of(path, name, value)
    link = f"as `numpy.{twin} <{NUMPY.format(twin)}>`__" if in_numpy(twin) else ""
    said = ours(value) and (inspect.isroutine(value) or not link)  # else it is its class that says
    words = escape(TWIN.sub("", first_line(value)).rstrip(".;")) if said else ""
    return "; ".join(part for part in (words, link) if part) or escape(first_line(value))


def in_numpy(name):
    """Whether NumPy has a public function of this dotted name."""
    try:
        return bool(name) and operator.attrgetter(name)(np) is not None
    except AttributeError:
        return False


def shapes(value):
    names = getattr(value, "shapes", None)
    return f"; shape parameters ``{names}``" if names else ""


# groups of a page


def heading(module):
    """A short heading for the names of a file, from the first sentence of its docstring."""
    text = " ".join((inspect.getdoc(module) or "More").split("\n\n")[0].split())
    return TAIL.split(text)[0].replace("``", "")


def groups(path, names, values):
    """Names under headings: by the table of the top module, else by the file that defines them."""
    if path == "funcgrad":
        assert set(names) <= set(" ".join(TOP.values()).split()), "TOP lacks a name"
        return {title: text.split() for title, text in TOP.items()}
    found = {}
    first = FIRST.get(path, "").split()
    stem = lambda name: home(values[name]).rpartition(".")[2]
    rank = lambda name: first.index(stem(name)) if stem(name) in first else len(first)
    for name in sorted(names, key=rank):
        found.setdefault(home(values[name]), []).append(name)
    if len(names) <= 12 or len(found) == 1:
        return {"": names}
    small = [n for group in found.values() if len(group) < LEAST for n in group]
    result = {}
    for file, group in found.items():
        if len(group) >= LEAST:
            result.setdefault(heading(importlib.import_module(file)), []).extend(group)
    return {**result, **({"More": sorted(small)} if small else {})}


# text


def mentioned(value):
    """The names that a docstring quotes."""
    text = inspect.getdoc(value) or ""
    return re.findall(r"``(\w+)``|:\w+:`(\w+)`", text.partition(">>>")[0])


def see_also(name, value, family, entries):
    """Names that the docstring mentions, then others of the family."""
    said = ["".join(pair) for pair in mentioned(value)]
    names = dict.fromkeys([n for n in said if n in entries] + family)
    return [n for n in names if n != name][:5]


def is_error(value):
    return inspect.isclass(value) and issubclass(value, BaseException)


def relatives(value, family, values):
    """The family of a name; of an error, the classes above and below it."""
    if not is_error(value):
        return family
    classes = [n for n in family if inspect.isclass(values[n])]
    return [n for n in classes if issubclass(values[n], value) or issubclass(value, values[n])]


def examples():
    """Examples of names whose docstring has none, by the full name."""
    text = (Path(__file__).parent / "examples.txt").read_text(encoding="utf-8")
    return dict(block.split("\n", 1) for block in text.strip().split("\n\n"))


def example(name, value):
    """The lines of an example, unless the docstring has one."""
    text = "" if ">>>" in (inspect.getdoc(value) or "") else examples().get(name, "")
    return [*(f"   {line}" for line in text.splitlines()), ""]


def entry(path, name, value, also, places):
    """The directive that documents a name, with an example and links."""
    lines = [f".. {'autoclass' if inspect.isclass(value) else 'autofunction'}:: {path}.{name}"]
    lines += ["   :members:"] if inspect.isclass(value) else []
    lines += ["   :show-inheritance:", ""] if is_error(value) else [""]
    lines += example(f"{path}.{name}", value)
    links = {
        "See also": [f":any:`{n} <{path}.{n}>`" for n in also],
        "Used in": [f":doc:`{title} <{page}>`" for page, title in places[:6]],
    }
    for head, targets in links.items():
        if targets:
            lines += ["   .. rst-class:: also", "", f"   **{head}** {', '.join(targets)}", ""]
    return lines


def table(path, rows, pages):
    lines = [".. list-table::", "   :class: names", "   :widths: 25 75", ""]
    for name, value in rows:
        text = row(path, name, value, pages)
        lines += [f"   * - .. py:data:: {path}.{name}", "          :no-typesetting:", ""]
        lines += [f"       ``{name}``", f"     - {text}"]
    return [*lines, ""]


def title(text, mark):
    return [text, mark * len(text), ""]


def page(path, module, pages, used):
    """The text of a module's page."""
    names = names_of(module)
    values = {n: getattr(module, n) for n in names}
    entries = [n for n in names if pages.get(id(values[n])) == (path, f"{path}.{n}")]
    rows = [(n, values[n]) for n in names if n not in entries]
    lines = [*title(path, "="), f".. py:module:: {path}", "", *introduction(module)]
    for head, group in groups(path, entries, values).items():
        group = [n for n in group if n in entries]
        lines += title(head, "-") if head and group else []
        family = [] if head == "More" else group
        for name in group:
            kin = relatives(values[name], family, values)
            also = see_also(name, values[name], kin, entries)
            lines += entry(path, name, values[name], also, used.get(f"{path}.{name}", ()))
    for kind in kinds(values.values()):
        lines += [f".. autoclass:: {kind.__module__}.{kind.__name__}", "   :members:", ""]
    if rows:
        lines += title("Further names", "-") if entries else []
        lines += table(path, rows, pages)
    return "\n".join(lines)


def kinds(values):
    """The classes of the distributions, which have their methods."""
    return dict.fromkeys(type(x) for x in values if home(type(x)).startswith(f"{DISTRIBUTIONS}."))


def introduction(module):
    """The first sentence of a module's docstring."""
    return [escape(sentence(module)), ""]


def write_if_changed(path, text):
    """Leave the time of an unchanged file as it is, so that Sphinx does not read it again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def ordered():
    """The public modules that have names, in the order of the sections."""
    found = {path: module for path, module in modules() if names_of(module)}
    order = [path_of(name) for text in SECTIONS.values() for name in text.split()]
    assert sorted(order) == sorted(found), set(order) ^ set(found)
    return {path: found[path] for path in order}


def homes(found):
    """The page and full name of each entry, by identity: the first page that has it."""
    pages = {}
    for path, module in sorted(found.items(), key=lambda item: item[0] == "funcgrad"):
        own = {name: getattr(module, name) for name in names_of(module)}
        aliases = lambda item: getattr(item[1], "__name__", item[0]) != item[0]
        for name, value in sorted(own.items(), key=aliases):
            if is_entry(path, value):
                pages.setdefault(id(value), (path, f"{path}.{name}"))
    return pages


def index(found):
    lines = title("Reference", "=")
    lines += [
        "Every public name: signature, arguments, an example, and links to pages and plates that",
        "use it. The search box finds names too.",
        "",
    ]
    for section, text in SECTIONS.items():
        lines += [*title(section, "-"), ".. list-table::", "   :widths: 30 70", ""]
        for path in map(path_of, text.split()):
            lines += [f"   * - :doc:`{path}`", f"     - {escape(sentence(found[path]))}"]
        lines += [""]
    return "\n".join([*lines, ".. toctree::", "   :hidden:", "", *(f"   {p}" for p in found), ""])


def write(folder: Path):
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = ordered()
    pages, used = homes(found), uses.found(Path(__file__).parent)
    texts = {path: page(path, module, pages, used) for path, module in found.items()}
    texts["index"] = index(found)
    for old in folder.glob("*.rst"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        write_if_changed(folder / f"{name}.rst", text)
