"""The house as CONTRIBUTING.md draws it: floors, sizes, state, names, and the path of a reader.

A known violation of its style stands in one of the tables below, with its reason.
"""

import ast
import fnmatch
import functools
import importlib
import json
import os
from pathlib import Path

import pytest

from .support.house import (
    FILES,
    PACKAGE,
    PATHS,
    ROOT,
    each_file,
    functions,
    imports_of,
    is_of_engine,
    module_of,
    name_of,
    nodes_of,
    room_of,
    tree_of,
    walk,
)
from .support.processes import python

TOP_LEVEL = {
    "funcgrad", "tests", "examples", "pyproject.toml", "README.md", "LICENSE", ".gitignore", ".ci",
    ".github",
}  # fmt: skip
FLOORS = {
    "answers": 0, "contents": 0, "peers": 0, "core": 0, "tree": 0, "ops": 1, "c": 2, "compile": 2,
    "transforms": 3,
    "control": 4, "numpy": 5, "random": 5, "special": 5, "linalg": 5, "lax": 5, "extend": 5,
    "scipy": 5, "sparse": 5, "nn": 6, "losses": 6, "optim": 6, "data": 6, "io": 6, "train": 6,
    "debug": 6, "export": 6, "bridge": 6, "dist": 6,
    "compat": 7, "__init__": 7, "doctor": 7, "migrate": 7,
    "__main__": 8,
}  # fmt: skip

# known violations, each with its reason
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS = {
    "numpy/indexing.py parse": "41 lines: one branch for each kind of index",
}
LATE_IMPORTS: dict[str, str] = {
    "ops/linalg/lapack.py": "SciPy is optional, and imported by the first large system",
    "bridge/array_api/namespaces.py": "array-api-compat is optional, and imported by the call",
    "core/pickling.py": "cloudpickle is optional, and imported by the pickle that needs it",
    "scipy/optimize/adapter.py": "SciPy is optional, and imported by the call that needs it",
    "scipy/interpolate/scattered.py": "SciPy is optional, and imported by the call of triangles",
    "scipy/sparse/linalg.py": "SciPy is optional, and imported by the call that factorizes",
    "sparse/matrix.py": "SciPy is optional, and imported by the call that makes its matrix",
    "train/history.py": "matplotlib is optional, and imported by the call that draws",
    "train/writers.py": "tensorboardX is optional, and imported by the writer that needs it",
    "train/progress_bar.py": "tqdm is optional, and imported by the call that shows a bar",
}
STATE = {
    "compile/program.py _freed": "the collector may run while linecache walks over its files",
    "core/registry.py primitives": "the registry: an operator on a tracer looks its primitive up",
    "core/registry.py overrides": "the registry: what NumPy's functions mean to a tracer",
    "core/registry.py branches": "whether an operation asks further; it costs 10 ns, a variable 40",
    "compat/autograd/rules.py primitive_jvps": "the registry of autograd: programs read it",
    "compat/autograd/rules.py primitive_vjps": "the registry of autograd: programs read it",
    "export/onnx_rules.py RULES": "the rules of ONNX, entered where they are defined, like a table",
    "bridge/jaxprs.py RULES": "the rules of JAX's primitives, a table in parts",
    "bridge/array_api/forms.py FORMS": "the forms of the Array API, entered where they are defined",
    "bridge/rules.py ROWS": "the rows of JAX, entered where they are defined, like a table",
    "core/nodes.py handlers": "the registry of tree nodes, filled by register_node",
}
LOOSE_ZIPS = {"transforms/reverse.py": "the walk back over the tape is the inner loop"}

FILE_LINES, FUNCTION_LINES = 400, 40

# functions and files that one first call runs through, at most
READING_PATHS = {
    "grad": (60, 10),
    "jit": (129, 28),
    "grad of scan": (110, 25),
    "grad of while": (115, 29),
    # by the rules of the loops: those above have few operations, and run step by step
    "grad of a long scan": (180, 38),
    "grad of a long while": (181, 40),
}
# lines of each room: those of the day the budget was set, and 5 %
ROOMS = {
    ".": 740,
    "answers": 1_150,
    "bridge": 3_200,
    "c": 5_250,
    "compat": 8_000,
    "compile": 8_400,
    "control": 7_150,
    "core": 7_600,
    "data": 1_110,
    "debug": 1_750,
    "dist": 950,
    "export": 2_200,
    "io": 1_750,
    "lax": 600,
    "linalg": 530,
    "losses": 1_290,
    "nn": 5_000,
    "numpy": 8_700,
    "ops": 18_200,
    "optim": 4_500,
    "peers": 900,
    "random": 5_200,
    "scipy": 26_500,
    "sparse": 2_700,
    "special": 3_550,
    "train": 1_500,
    "transforms": 12_350,
}

# public names that two modules of a room define, file names in more than two rooms
SAME_NAMES: dict[str, str] = {
    "scipy bartlett": "SciPy's names: a window, and a test",
    "scipy convolve": "SciPy's names: of signals, and of images",
    "scipy correlate": "SciPy's names: of signals, and of images",
    "scipy brent": "a search for roots of events, and SciPy's minimizer",
    "scipy cosine": "SciPy's names: a window, and a distribution",
    "scipy triang": "SciPy's names: a window, and a distribution",
    "scipy hilbert": "SciPy's names: of signals, and a matrix",
    "scipy laplace": "SciPy's names: of images, and a distribution",
    "scipy trapezoid": "SciPy's names: of integrals, and a distribution",
    "core T": "a type variable",
    "io BITS": "dtypes as bits: to be defined once",
    "io METADATA": "the key of each format",
    "io write": "the writer of each format",
    "ops BLOCK": "the block length of each kernel",
    "ops conj": "the ufunc, and that of its own family of matrices",
    "ops real": "the ufunc, and that of its own family of matrices",
}
SAME_FILES: dict[str, str] = {}
# modules of the library that are imported by name: by the registry, and by pickles
NAMED_IMPORTS = {
    "core/registry.py": "the registry loads the module that its contents name",
    "core/pickling.py": "a pickled function is found by the name of its module, as pickle does",
    "numpy/coverage.py": "NumPy's own namespaces, by their paths",
}
# where a parameter is known by its name, not by its primitive; where an error's words are cut
KNOWN_BY_NAME: dict[str, str] = {}
CUT_MESSAGES: dict[str, str] = {}
CONTAINERS = (list, dict, set, bytearray)
MUTATORS = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
    "setdefault", "sort", "update",
}  # fmt: skip


def floor_of(path):
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert first in FLOORS, f"{name_of(path)} stands on no floor: add {first!r} to FLOORS"
    return FLOORS[first]


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


@functools.cache
def late_imports(path):
    nodes = [n for n in nodes_of(path) if isinstance(n, ast.Import | ast.ImportFrom)]
    inside = lambda n: any(f.lineno <= n.lineno <= f.end_lineno for _, f in functions(path))
    return [n.lineno for n in nodes if inside(n)]


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


def lines_of_rooms():
    lines = dict.fromkeys(map(room_of, FILES), 0)
    for path in FILES:
        lines[room_of(path)] += len(path.read_text(encoding="utf-8").splitlines())
    return lines


def test_a_room_keeps_to_its_budget_of_lines():
    assert {room: n for room, n in lines_of_rooms().items() if n > ROOMS.get(room, 0)} == {}


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
    assert set(SAME_NAMES) <= set(repeated())
    assert set(NAMED_IMPORTS) <= {name_of(p) for p in FILES if named_imports(p)}
    assert set(KNOWN_BY_NAME) <= {name_of(p) for p in FILES if known_by_name(p)}
    assert set(CUT_MESSAGES) <= {name_of(p) for p in FILES if cut_messages(p)}


# state


@functools.cache
def module_names(path):
    """Return the names that a module assigns at its top level."""
    assignments = [n for n in tree_of(path).body if isinstance(n, ast.Assign | ast.AnnAssign)]
    return {name for node in assignments for name in stored(node)}


def stored(node):
    """Yield the names that a statement or a function binds."""
    for inner in walk(node):
        if isinstance(inner, ast.arg):
            yield inner.arg
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


@functools.cache
def changed_names(path):
    """Return the global names that a file changes in place, or rebinds from a function."""
    names = set()
    for own, scope in [(set(), tree_of(path)), *((set(stored(f)), f) for _, f in functions(path))]:
        for node in walk(scope):
            if isinstance(node, ast.Global):
                names |= set(node.names)
            target = changed(node)
            # what a function binds itself is its own; the walk over the module skips functions
            inside = scope is tree_of(path) and node not in top_level(path)
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


def engine_of(path):
    """The extra that a module needs, itself or by a module that it imports, or numpy."""
    if not is_of_engine(module_of(path)):
        return "numpy"
    return {"bridge": "jax", "dist": "mpi4py"}.get(room_of(path), "onnx")


def users():
    """The files that import each module."""
    found = {}
    for path in FILES:
        for module in imports_of(path):
            found.setdefault(module, []).append(path)
    return found


@pytest.mark.parametrize("engine", ["numpy", "jax", "mpi4py", "onnx"])
def test_no_module_keeps_state(engine):
    pytest.importorskip(engine, reason="an optional extra")
    state, importing = set(), users()
    for path in (p for p in FILES if engine_of(p) == engine):
        own = module_of(path)
        module = importlib.import_module(own)
        names = {n for n in module_names(path) if isinstance(getattr(module, n, None), CONTAINERS)}
        changed = [names & changed_names(p) for p in (path, *importing.get(own, ()))]
        state |= {f"{name_of(path)} {n}" for n in set().union(*changed)}

    assert state <= set(STATE)


@functools.cache
def loose_zips(path):
    calls = (n for n in nodes_of(path) if isinstance(n, ast.Call))
    zips = (n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "zip")
    return [n.lineno for n in zips if "strict" not in {k.arg for k in n.keywords}]


@each_file
def test_zip_is_strict(path):
    assert not loose_zips(path) or name_of(path) in LOOSE_ZIPS


# names


def public_names(path):
    """The names without an underscore that a file defines at its top level."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name for target in targets for name in stored(target))


def repeated():
    """Names that two modules of a room define, each as ``room name``."""
    homes = {}
    for path in FILES:
        if path.name != "__init__.py" and room_of(path) != "compat":  # names of other libraries
            for name in {n for n in public_names(path) if not n.startswith("_")}:
                homes.setdefault(f"{room_of(path)} {name}", []).append(name_of(path))
    return {name: files for name, files in homes.items() if len(files) > 1}


def test_a_room_defines_a_public_name_once():
    assert {n: f for n, f in repeated().items() if n not in SAME_NAMES} == {}


def test_a_file_name_stands_for_one_concept():
    rooms = {}
    for path in FILES:
        if path.name != "__init__.py" and room_of(path) != "compat":
            rooms.setdefault(path.name, set()).add(room_of(path))

    assert {name for name, found in rooms.items() if len(found) > 2} <= set(SAME_FILES)


# what is asked of names and of words


@functools.cache
def named_imports(path):
    """Lines that import a module by its name."""
    called = [n.func for n in nodes_of(path) if isinstance(n, ast.Call)]
    names = {"import_module", "__import__"}
    return [f.lineno for f in called if {getattr(f, "attr", ""), getattr(f, "id", "")} & names]


@each_file
def test_no_module_is_imported_by_its_name(path):
    assert not named_imports(path) or name_of(path) in NAMED_IMPORTS


def is_params(node):
    return "params" in (getattr(node, "attr", ""), getattr(node, "id", ""))


@functools.cache
def known_by_name(path):
    """Lines that ask whether an equation has a parameter of some name."""
    return [node.lineno for node in nodes_of(path) if asks_for_a_name(node)]


def asks_for_a_name(node):
    match node:
        case ast.Compare(ast.Constant(), [ast.In() | ast.NotIn()], [params]):
            return is_params(params)
        case ast.Call(ast.Attribute(params, "get" | "keys")):
            return is_params(params)
    return False


@each_file
def test_no_parameter_is_known_by_its_name(path):
    assert not known_by_name(path) or name_of(path) in KNOWN_BY_NAME


@functools.cache
def cut_messages(path):
    """Lines that take an error's words apart: methods of ``str(err)``, items of ``err.args``."""
    lines = []
    for handler in nodes_of(path):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        for node in walk(handler):
            match node:
                case ast.Attribute(ast.Call(ast.Name("str" | "repr"), [ast.Name(name)])):
                    cut = name == handler.name
                case ast.Subscript(ast.Attribute(ast.Name(name), "args")):
                    cut = name == handler.name
                case _:
                    cut = False
            if cut:
                lines.append(node.lineno)
    return lines


@each_file
def test_no_message_is_taken_apart(path):
    assert not cut_messages(path) or name_of(path) in CUT_MESSAGES


# what a reader meets


READ = """
import json, os, sys
import numpy as np
import funcgrad as fg
from funcgrad import lax
from funcgrad.core.registry import overrides, primitives

seen = set()

def profile(frame, event, arg):
    code = frame.f_code
    block = code.co_name.startswith("<") and code.co_name != "<lambda>"  # a comprehension, a module
    if event == "call" and code.co_filename.startswith(sys.argv[1]) and not block:
        seen.add((code.co_filename, code.co_firstlineno, code.co_name))

primitives.load(), overrides.load(), fg.grad, fg.jit
calls = {
    "grad": lambda: fg.grad(lambda x: x * np.sin(x)),
    "jit": lambda: fg.jit(lambda x: x * np.sin(x)),
    "grad of scan": lambda: fg.grad(
        lambda x: lax.scan(lambda c, _: (np.sin(c) * x, None), x, None, 3)[0]),
    "grad of while": lambda: fg.grad(
        lambda x: lax.while_loop(lambda c: c < 9.0, lambda c: c * x, x)),
    "grad of a long scan": lambda: fg.grad(
        lambda x: lax.scan(lambda c, _: (np.sin(c) * x, None), x, None, 99)[0]),
    "grad of a long while": lambda: fg.grad(
        lambda x: lax.while_loop(lambda c: c < 99.0, lambda c: c + x, x)),
}
for name, call in calls.items():
    if os.fork():  # each is the first call of a process
        os.wait()
        continue
    sys.setprofile(profile)
    call()(2.0)
    sys.setprofile(None)
    print(json.dumps([name, sorted(seen)]), flush=True)
    os._exit(0)
"""


@functools.cache
def read():
    """What the first call of each function runs through."""
    return dict(map(json.loads, python(READ, str(PACKAGE)).splitlines()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each call in a process of its own")
@pytest.mark.parametrize("call", READING_PATHS)
def test_a_reader_follows_a_first_call_through_few_functions(call, capsys):
    seen = read()[call]
    files = sorted({name_of(Path(filename)) for filename, _, _ in seen})
    with capsys.disabled():
        print(f"\n{call}: {len(seen)} functions, {len(files)} files: {', '.join(files)}")

    assert 0 < len(seen) <= READING_PATHS[call][0] and len(files) <= READING_PATHS[call][1]
