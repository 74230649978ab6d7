"""The house as DESIGN.md draws it: floors, sizes, state, imports, and the path a reader takes.

A known violation of STYLE.md stands in one of the tables below, with its reason.
"""

import ast
import fnmatch
import functools
import importlib
import inspect
import itertools
import json
import os
import pkgutil
import shutil
import statistics
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import funcgrad as fg

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "funcgrad"
FILES = sorted(PACKAGE.rglob("*.py"))

TOP_LEVEL = {
    "funcgrad", "tests", "examples", "pyproject.toml", "README.md", "LICENSE", ".gitignore", ".ci",
}  # fmt: skip
FLOORS = {
    "contents": 0, "core": 0, "tree": 0, "ops": 1, "compile": 2, "transforms": 3, "control": 4,
    "numpy": 5, "random": 5, "special": 5, "linalg": 5, "lax": 5, "extend": 5, "scipy": 5, "nn": 6,
    "losses": 6, "optim": 6, "data": 6, "io": 6, "train": 6, "debug": 6, "__init__": 7,
    "doctor": 7, "__main__": 8,
}  # fmt: skip

# known violations, each with its reason
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS = {
    "numpy/indexing.py parse": "41 lines: one branch for each kind of index",
}
LATE_IMPORTS: dict[str, str] = {
    "core/pickling.py": "cloudpickle is optional, and imported by the pickle that needs it",
    "scipy/optimize/adapter.py": "SciPy is optional, and imported by the call that needs it",
    "train/history.py": "matplotlib is optional, and imported by the call that draws",
    "train/progress_bar.py": "tqdm is optional, and imported by the call that shows a bar",
}
STATE = {
    "core/registry.py primitives": "the registry: an operator on a tracer looks its primitive up",
    "core/registry.py overrides": "the registry: what NumPy's functions mean to a tracer",
    "core/nodes.py handlers": "the registry of tree nodes, filled by register_node",
}
LOOSE_ZIPS = {"transforms/backward.py": "the walk back over the tape is the inner loop"}

FILE_LINES, FUNCTION_LINES, DOCSTRING_LINES = 400, 40, 25
PATH_FUNCTIONS, PATH_FILES = 64, 15
WHEEL_BYTES = 750_000
IMPORT_SECONDS = {"bytecode": 0.030, "source": 0.100}  # beyond NumPy's own, of the main thread
CONTAINERS = (list, dict, set, bytearray)
MUTATORS = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
    "setdefault", "sort", "update",
}  # fmt: skip


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_of(path):
    parts = ("funcgrad", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {module_of(path): path for path in FILES}
each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def imported(node, path):
    """Yield the library's modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in PATHS)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module_of(path).split(".")
            package = package if path.name == "__init__.py" else package[:-1]
            package = package[: len(package) - node.level + 1]
            base = ".".join([*package, base] if base else package)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            if inner in PATHS or base in PATHS:
                yield inner if inner in PATHS else base


@functools.cache
def imports_of(path):
    return {m for node in ast.walk(tree_of(path)) for m in imported(node, path)} - {module_of(path)}


def floor_of(path):
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert first in FLOORS, f"{name_of(path)} stands on no floor: add {first!r} to FLOORS"
    return FLOORS[first]


def functions(path):
    """Yield every function of a file, with its qualified name."""
    stack = [(tree_of(path), "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            name = f"{prefix}.{child.name}".lstrip(".") if named else prefix
            if named and not isinstance(child, ast.ClassDef):
                yield name, child
            stack.append((child, name))


# floors


def test_the_top_level_is_fixed():
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    names = {
        path.name
        for path in ROOT.iterdir()
        if path.name != ".git" and not any(fnmatch.fnmatch(path.name, i) for i in ignored)
    }

    assert names == TOP_LEVEL


@each_file
def test_a_file_imports_from_its_own_floor_or_below(path):
    above = [m for m in imports_of(path) if floor_of(PATHS[m]) > floor_of(path)]

    assert not above


def test_optimizers_do_not_import_models():
    models = {m for m in PATHS if m.startswith("funcgrad.nn")}
    optimizers = [m for m in PATHS if m.startswith("funcgrad.optim")]

    assert not [m for m in optimizers if imports_of(PATHS[m]) & models]


def late_imports(path):
    nodes = (node for _, function in functions(path) for node in ast.walk(function))
    return [n.lineno for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]


@each_file
def test_imports_stand_at_the_top_of_the_file(path):
    assert not late_imports(path) or name_of(path) in LATE_IMPORTS


def test_no_imports_go_in_a_circle():
    edges = {module: imports_of(path) for module, path in PATHS.items()}
    while True:
        leaves = {m for m, targets in edges.items() if not targets & edges.keys()}
        if not leaves:
            break
        edges = {m: targets for m, targets in edges.items() if m not in leaves}

    assert not edges, f"each of these imports another of them: {sorted(edges)}"


def test_core_knows_no_primitive_by_name():
    from funcgrad.core.registry import primitives

    primitives.load()
    defined = {f for f in FILES if "Primitive(" in f.read_text() and "core" in f.parts}
    names = {type(p).__module__.split(".")[1] for p in primitives.values()}

    assert "core" not in names and {f.name for f in defined} <= {"trace.py"}


# sizes


@each_file
def test_a_file_is_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= FILE_LINES or name_of(path) in LONG_FILES


def length(function):
    """Return how many lines a function has without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


@each_file
def test_a_function_is_short(path):
    lengths = {f"{name_of(path)} {name}": length(node) for name, node in functions(path)}
    long = {name: n for name, n in lengths.items() if n > FUNCTION_LINES}

    assert set(long) <= set(LONG_FUNCTIONS), long


def test_every_listed_violation_still_is_one():
    long = {
        f"{name_of(p)} {n}" for p in FILES for n, f in functions(p) if length(f) > FUNCTION_LINES
    }
    files = {name_of(p) for p in FILES if len(p.read_text().splitlines()) > FILE_LINES}
    state = {f"{name_of(p)} {n}" for p in FILES for n in module_names(p)}

    assert set(LONG_FUNCTIONS) <= long and set(LONG_FILES) <= files and set(STATE) <= state
    assert set(LOOSE_ZIPS) <= {name_of(p) for p in FILES if loose_zips(p)}
    assert set(LATE_IMPORTS) <= {name_of(p) for p in FILES if late_imports(p)}


# state


def module_names(path):
    """Return the names that a module assigns at its top level."""
    assignments = [n for n in tree_of(path).body if isinstance(n, ast.Assign | ast.AnnAssign)]
    return {name for node in assignments for name in stored(node)}


def stored(node):
    """Yield the names that a statement or a function binds."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            yield inner.arg
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


@functools.cache
def changed_names(path):
    """Return the global names that a file changes in place, or rebinds from a function."""
    names = set()
    for own, scope in [(set(), tree_of(path)), *((set(stored(f)), f) for _, f in functions(path))]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Global):
                names |= set(node.names)
            target = changed(node)
            # what a function binds itself is its own; the walk over the module skips functions
            inside = scope is tree_of(path) and node not in set(top_level(path))
            if isinstance(target, ast.Name) and target.id not in own and not inside:
                names.add(target.id)
    return names


@functools.cache
def top_level(path):
    """Return the nodes of a module that belong to no function."""
    stack, nodes = [tree_of(path)], []
    while stack:
        node = stack.pop()
        nodes.append(node)
        stack += [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.FunctionDef)]
    return frozenset(nodes)


def changed(node):
    """Return the expression that a node changes in place, if it does."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in MUTATORS else None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.value
    return None


@each_file
def test_no_module_keeps_state(path):
    module = importlib.import_module(module_of(path))
    names = {n for n in module_names(path) if isinstance(getattr(module, n, None), CONTAINERS)}
    users = [p for p in FILES if p == path or module_of(path) in imports_of(p)]
    state = {f"{name_of(path)} {n}" for p in users for n in names & changed_names(p)}

    assert state <= set(STATE)


def loose_zips(path):
    calls = (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call))
    zips = (n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "zip")
    return [n.lineno for n in zips if "strict" not in {k.arg for k in n.keywords}]


@each_file
def test_zip_is_strict(path):
    assert not loose_zips(path) or name_of(path) in LOOSE_ZIPS


# what a reader meets


READ = """
import json, sys
import numpy as np
import funcgrad as fg

seen = set()

def profile(frame, event, arg):
    code = frame.f_code
    comprehension = code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
    if event == "call" and code.co_filename.startswith(sys.argv[1]) and not comprehension:
        seen.add((code.co_filename, code.co_firstlineno, code.co_name))

f = lambda x: x * np.sin(x)
sys.setprofile(profile)
fg.grad(f)(2.0)
sys.setprofile(None)
print(json.dumps(sorted(seen)))
"""


def test_a_reader_follows_one_gradient_through_few_functions(capsys):
    seen = json.loads(python(READ, str(PACKAGE)))
    files = sorted({name_of(Path(filename)) for filename, _, _ in seen})
    with capsys.disabled():
        print(f"\ngrad(x * sin x): {len(seen)} functions, {len(files)} files: {', '.join(files)}")

    assert 0 < len(seen) <= PATH_FUNCTIONS and len(files) <= PATH_FILES


def public(module):
    """Yield the public functions and classes of a table of contents."""
    for name in dir(module):
        value = getattr(module, name)
        ours = getattr(value, "__module__", "").startswith("funcgrad")
        if not name.startswith("_") and callable(value) and ours:
            yield name, value


CONTENTS = [
    fg,
    *(
        importlib.import_module(f"funcgrad.{name}")
        for name in (
            "tree",
            "numpy",
            "random",
            "nn",
            "nn.init",
            "losses",
            "optim",
            "optim.contrib",
            "lax",
            "linalg",
            "numpy.linalg",
            "extend",
            "special",
            "data",
            "train",
            "scipy.integrate",
            "scipy.linalg",
            "scipy.optimize",
            "scipy.signal",
        )
        if f"funcgrad.{name}" in PATHS
    ),
]
NAMES = [
    pytest.param(value, id=f"{module.__name__}.{name}")
    for module in CONTENTS
    for name, value in public(module)
]


@pytest.mark.parametrize("value", NAMES)
def test_every_public_name_says_in_one_sentence_what_it_is(value):
    lines = (inspect.getdoc(value) or "").splitlines()

    assert lines and lines[0].endswith(".") and (len(lines) == 1 or not lines[1].strip())
    assert len(lines) <= DOCSTRING_LINES


@each_file
def test_every_module_says_what_it_is(path):
    docstring = ast.get_docstring(tree_of(path)) or ""

    assert docstring.partition("\n")[0].endswith((".", ":"))


# the wheel, and what importing it costs


def python(code, *args):
    """Return what a fresh interpreter prints; it may keep bytecode, as an installed one does."""
    command = [sys.executable, "-c", code, *args]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=env)
    return done.stdout


def test_the_package_is_small_and_only_python():
    files = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    others = {p.name for p in files if p.suffix not in (".py", ".pyi")}

    assert others == {"py.typed"}
    assert sum(len(zlib.compress(p.read_bytes())) for p in files) < WHEEL_BYTES  # as in the wheel


BLOCKED = """
import sys
import numpy, typing_extensions

allowed = sys.stdlib_module_names | {"numpy", "typing_extensions", "funcgrad"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"funcgrad may not need {name}")

sys.meta_path.insert(0, Blocker())
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
import numpy as np, funcgrad as fg
assert fg.grad(np.sin)(0.0) == 1.0
"""


def test_nothing_is_imported_but_numpy_and_typing_extensions():
    modules = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "funcgrad.")]

    assert set(modules) | {"funcgrad"} == set(PATHS)
    python(BLOCKED, *(m for m in modules if not m.endswith("__main__")))


@pytest.mark.slow
@pytest.mark.parametrize("kept", IMPORT_SECONDS)
def test_importing_costs_little_more_than_numpy(kept, tmp_path, capsys):
    shutil.copytree(PACKAGE, tmp_path / "funcgrad", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys, time; sys.path.insert(0, {str(tmp_path)!r});"
        f"sys.dont_write_bytecode = {kept == 'source'}; t = time.thread_time(); import {{}};"
        f"print(time.thread_time() - t)"
    )
    times = {"numpy": [], "funcgrad": []}
    if kept == "bytecode":
        python(code.format("funcgrad"))  # compiles it
    for _, name in itertools.product(range(11), times):
        times[name].append(float(python(code.format(name))))
    extra = statistics.median(times["funcgrad"]) - statistics.median(times["numpy"])
    with capsys.disabled():
        print(f"\nimport funcgrad from {kept} costs {1000 * extra:.0f} ms more than import numpy")

    assert extra <= IMPORT_SECONDS[kept]
