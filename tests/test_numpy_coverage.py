"""Every name that NumPy hands to traced arrays: supported, and probed, or refused by name.

The probes are lines of NumPy in ``support/probes.py``; the names are NumPy's own lists.
"""

import ast
import functools
import subprocess
import sys

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import doctor, tree
from funcgrad.__main__ import main
from funcgrad.core.errors import (
    ConcretizationError,
    ConversionError,
    FuncgradError,
    MutationError,
)
from funcgrad.numpy import coverage
from funcgrad.numpy.dispatch import DIFFERENTIABLE, EAGER, EAGER_NO_DERIVATIVE, REFUSED

from .support.compare import arrays, assert_same, differences, noise
from .support.probes import (
    AREAS,
    CONSTANTS,
    EAGER as EAGER_PROBES,
    INPUTS,
    LEAST,
)
from .support.rows import function_of, known_to_numpy, split

ROWS = coverage.rows()
PROBES = [
    (area, row)
    for area, rows in AREAS.items()
    for row in split(rows)
    if known_to_numpy(row, INPUTS, CONSTANTS)
]
NO_DIFFERENCES = ("np.spacing", "np.nextafter")  # of a number's last bits
NARROWING = ("np.astype(x, np.float32)", "x.astype(np.float32)")


def compiled(row):
    """Give a probe as a function of the inputs that it names, and those."""
    return function_of(row, INPUTS, CONSTANTS)


def weighted(function, weights):
    """Return the sum of what is inexact in a function's results, weighted."""

    def loss(*args):
        ys = tree.leaves(function(*args))
        pairs = [(y, c) for y, c in zip(ys, weights, strict=True) if c is not None]
        return sum((np.sum(np.real(y * c)) for y, c in pairs), 0.0)

    return loss


@functools.cache
def complaints(row):
    """Return what a probe gets wrong, and whether it has a gradient that is not zero."""
    function, inputs = compiled(row)
    want, wrong = function(*inputs), []
    weights = noise(tree.leaves(want), np.random.default_rng(1))
    loss = weighted(function, weights)
    places = tuple(range(len(inputs)))
    slopes = fg.grad(loss, argnums=places)
    got = slopes(*inputs)
    tolerance = 1e-5 if row in NARROWING else 1e-10

    def expect(what, a, b, rtol=tolerance):
        for x, y in zip(arrays(a), arrays(b), strict=True):
            if x.dtype != y.dtype or not np.allclose(x, y, rtol, rtol, equal_nan=True):
                wrong.append(f"{what}: expected {x}, got {y}")

    expect("the value under grad", want, fg.vjp(function, *inputs)[0])
    expect("the value under jit", want, fg.jit(function)(*inputs))
    if row not in NARROWING and not row.startswith(NO_DIFFERENCES):
        slope = differences(function, inputs, weights)
        expect("grad", list(map(np.nan_to_num, slope)), list(map(np.nan_to_num, got)), 2e-5)
    expect("grad under jit", got, fg.jit(slopes)(*inputs))
    tangents = noise(inputs, np.random.default_rng(2))
    pushed = fg.jvp(loss, inputs, tangents)[1]
    paired = sum(np.sum(np.real(t * g)) for t, g in zip(tangents, got, strict=True))
    expect("jvp", float(np.real(paired)), float(pushed), 1e-6 if row in NARROWING else 1e-9)
    batch = [np.stack([x, x * 1.1, x * 0.9]) for x in map(np.asarray, inputs)]
    for what, f in (("value", function), ("gradient", slopes)):
        each = [arrays(f(*(x[b] for x in batch))) for b in range(3)]
        together = fg.vmap(f)(*batch)
        expect(f"the {what} under vmap", list(map(np.stack, zip(*each, strict=True))), together)
    return wrong, any(np.any(np.nan_to_num(g)) for g in got)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("area, row", PROBES, ids=[row for _, row in PROBES])
def test_a_probe_is_right_under_every_transform(area, row):
    assert complaints(row)[0] == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_the_count_of_calls_that_work(capsys):
    counts = dict.fromkeys(LEAST, 0)
    for area, row in PROBES:
        if area in counts:
            counts[area] += complaints(row)[0] == []
    with capsys.disabled():
        print(f"\n{sum(counts.values())} NumPy calls under grad, jvp, vmap and jit: {counts}")

    assert sum(counts.values()) >= 290
    assert all(counts[area] >= least for area, least in LEAST.items())


# what depends on the numbers


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "row", [row for row in split(EAGER_PROBES) if known_to_numpy(row, INPUTS, CONSTANTS)]
)
def test_what_needs_numbers_works_on_them_and_asks_for_them(row):
    function, inputs = compiled(row)
    want = function(*inputs)
    weights = noise(tree.leaves(want), np.random.default_rng(1))
    got, _ = fg.vjp(function, *inputs)
    slopes = fg.grad(weighted(function, weights), argnums=tuple(range(len(inputs))))(*inputs)

    assert_same(want, got, 1e-12, 1e-12, structure=False, kinds=True)
    for a, b in zip(differences(function, inputs, weights), slopes, strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=1e-6)

    batch = [np.stack([x, x]) for x in map(np.asarray, inputs)]
    for transform, args in ((fg.jit(function), inputs), (fg.vmap(function), batch)):
        with pytest.raises(ConcretizationError, match=r"outside|numpy\.where|must be concrete"):
            transform(*args)


# the table


def chain(node):
    """Return a dotted name, None where an expression is none."""
    if isinstance(node, ast.Name):
        return node.id
    inner = chain(node.value) if isinstance(node, ast.Attribute) else None
    return None if inner is None else f"{inner}.{node.attr}"


OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift", ast.USub: "neg",
    ast.UAdd: "pos", ast.Invert: "invert",
}  # fmt: skip
BUILTINS = {
    "abs": "__abs__", "divmod": "__divmod__", "len": "__len__", "list": "__iter__",
}  # fmt: skip


def used(row):
    """Yield what a probe uses of NumPy: functions and ufuncs, and names of ndarray's attributes."""
    for node in ast.walk(ast.parse(row, mode="eval")):
        if isinstance(node, ast.Attribute):
            name = chain(node)
            if name is not None and name.startswith("np."):
                yield eval(name, {"np": np})
            yield node.attr
        elif isinstance(node, ast.Name):
            yield CONSTANTS.get(node.id) if node.id == "windows" else BUILTINS.get(node.id)
            yield "__rdivmod__" if node.id == "divmod" else None
        elif isinstance(node, ast.BinOp):
            plain = isinstance(node.left, ast.Constant) or chain(node.left) == "a"
            name = OPERATORS[type(node.op)]
            yield f"__r{name}__" if plain else f"__{name}__"
        elif isinstance(node, ast.UnaryOp):
            yield f"__{OPERATORS.get(type(node.op))}__"
        elif isinstance(node, ast.Subscript):
            yield "__getitem__"
        elif isinstance(node, ast.IfExp):
            yield "__bool__"
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            yield "__contains__"


def users():
    """Return the probes that use each function, and each attribute's name."""
    found = {}
    for row in [row for _, row in PROBES] + split(EAGER_PROBES):
        for thing in used(row):
            if getattr(thing, "__hash__", None):
                found.setdefault(thing, []).append(row)
    return found


PROTOCOLS = {"__array_function__", "__array_ufunc__", "__array_priority__"}  # behind every probe


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_every_name_that_is_supported_is_probed():
    probes = users()
    unprobed = []
    for area, name, status in ROWS:
        if status.startswith(REFUSED) or area == "ufunc method":
            continue
        last = name.split(".")[-1]
        if area == "ndarray":
            there = hasattr(fg.core.trace.ConcreteTracer, last) or not last.startswith("__i")
            thing = last if there else f"__{last[3:]}"
        else:
            thing = eval(name, {"numpy": np})
        if thing not in probes and thing not in PROTOCOLS:
            unprobed.append(name)

    assert unprobed == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_what_is_called_differentiable_has_a_derivative():
    probes, flat = users(), []
    for thing, name in (coverage.functions() | coverage.ufuncs()).items():
        if coverage.status(thing) == DIFFERENTIABLE:
            flat += [] if any(complaints(row)[1] for row in probes[thing]) else [name]

    # constant wherever they are smooth; of complex numbers, and at 0, they do have derivatives
    assert flat == ["numpy.heaviside", "numpy.sign"]


def test_eager_probes_use_what_is_called_eager():
    eager = set(split(EAGER_PROBES))
    names = {name for _, name, status in ROWS if status in (EAGER, EAGER_NO_DERIVATIVE)}
    probes = users()
    strays = [
        name
        for thing, name in coverage.functions().items()
        if name in names and not eager & set(probes[thing])
    ]

    assert strays == []


BINARY = [u for u in coverage.ufuncs() if coverage.methods(u)[:1] == ("reduce",)]


def method_rows(ufunc):
    name = ufunc.__name__
    if coverage.status(ufunc).startswith(REFUSED) or getattr(np, name, None) is not ufunc:
        return []
    floats = "dd->" in " ".join(ufunc.types)
    m, p = ("(m ** 2 + 0.5)", "p") if floats else ("(np.argsort(m) + 1)", "np.argsort(p)")
    return [
        f"np.{name}.reduce({m})",  # the last axis shows a fault of some NumPys, in power
        f"np.{name}.accumulate({m}, axis=1)",
        f"np.{name}.reduceat({m}, [0, 2, 1])",
        f"np.{name}.outer({m}, {p})",
    ]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row", [row for ufunc in BINARY for row in method_rows(ufunc)])
def test_a_method_of_a_ufunc_is_right_under_every_transform(row):
    function, inputs = compiled(row)
    try:
        function(*inputs)
    except TypeError:  # NumPy has no loop for it: a ufunc of two types, or of truth values
        with pytest.raises((TypeError, ValueError)):
            fg.vjp(function, *inputs)
        return

    assert complaints(row)[0] == []


# refusals

ARGUMENTS = [  # tried in turn, until NumPy finds nothing missing and hands over
    lambda x: (),
    lambda x: (x,),
    lambda x: (x, x),
    lambda x: (x, x, x),
    lambda x: ("unused", x),
    lambda x: (x, 0, x, 0),
    lambda x: (np.ones(2), x),
]


def raised(function, x):
    """Return the error of ours that calling a function on a tracer raises."""
    for arguments in ARGUMENTS:
        try:
            function(*arguments(x))
        except FuncgradError as err:
            return err
        except (TypeError, ValueError):  # not these arguments
            continue
    return None


REFUSALS = [row for row in ROWS if row.status.startswith(REFUSED)]


@pytest.mark.parametrize("area, name, status", REFUSALS, ids=[row.name for row in REFUSALS])
def test_what_is_refused_raises_an_error_that_names_it(area, name, status):
    words = []

    def loss(x):
        if area == "ndarray":
            try:
                words.append(raised(getattr(x, name.split(".")[-1]), x))
            except FuncgradError as err:
                words.append(err)
        else:
            words.append(raised(eval(name, {"numpy": np}), x))
        return np.sum(x)

    fg.grad(loss)(np.ones(2))
    fg.jit(loss)(np.ones(2))

    assert len(words) == 2 and all(isinstance(err, FuncgradError) for err in words)
    for err in words:
        public = not name.endswith("__")
        assert ";" in str(err) and (not public or name.split(".", 1)[1].split(".")[-1] in str(err))


def test_nothing_is_refused_for_want_of_a_rule():
    assert [row.name for row in ROWS if "do not support" in row.status] == []


# what NumPy does not hand over, and what writes

LOUD = {
    "math": lambda x: __import__("math").sin(x[0]),
    "vectorize": lambda x: np.vectorize(lambda v: v + 1)(x),
    "frompyfunc": lambda x: np.frompyfunc(lambda v: v + 1, 1, 1)(x),
    "as_strided": lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)),
    "asarray_chkfinite": lambda x: np.asarray_chkfinite(x),
    "require": lambda x: np.require(x),
    "random": lambda x: np.random.default_rng(0).normal(x),
    "legacy random": lambda x: np.random.normal(x),
    "random choice": lambda x: np.random.default_rng(0).choice(x),
    "masked": lambda x: np.ma.masked_array(x, [True, False, False]),
    "masked function": lambda x: np.ma.sum(x),
    "polynomial class": lambda x: np.polynomial.Polynomial(x)(1.0),
    "polynomial fit": lambda x: np.polynomial.polynomial.polyfit(x, [1.0, 2, 3], 1),
    "assert_allclose of lists": lambda x: np.testing.assert_allclose([x[0]], [1.0]),
    "matrix": lambda x: np.matrix(x),
    "fromiter": lambda x: np.fromiter(x, float),
    "nditer": lambda x: list(np.nditer(x)),
    "broadcast": lambda x: np.broadcast(x, x),
    "put": lambda x: np.put(np.ones(3), [0], x),
    "objects": lambda x: x.astype(object),
    "text": lambda x: x.astype(str),
    "dates": lambda x: x.astype("M8[s]"),
    "sum of objects": lambda x: np.sum(x, dtype=object),
    "ufunc of objects": lambda x: np.add(x, 1, dtype=object),
    "array of": lambda x: np.array([x[0], 1.0]),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", LOUD)
def test_what_would_lose_a_derivative_is_loud(name):
    for call in (fg.grad(lambda x: np.sum(LOUD[name](x))), lambda x: fg.jit(LOUD[name])(x)):
        with pytest.raises((FuncgradError, TypeError, ValueError)):
            call(np.array([0.3, 0.2, 0.5]))


# of libraries that were wrong here in silence, and by how much: nothing

WRONG_ELSEWHERE = {
    "np.sum(np.full_like(a, s))": 4.0,
    "np.sum(np.full_like(s * x, s))": 4.0,
    "np.sum(s * x, where=x > 0)": 3.4,
    "np.linalg.norm(s * m, ord=np.inf, axis=1).sum()": np.abs(INPUTS["m"]).max(1).sum(),
    "np.unique(s * x).sum()": 2.1,
    "np.linspace(0, s, 3).sum()": 1.5,
    "np.partition(s * x, 1).sum()": 2.1,
    "divmod(s * x, 5.0)[1].sum()": 2.1,
    "(a @ (s * x))": CONSTANTS["a"] @ INPUTS["x"],
    "np.cbrt(s)": 0.7 ** (-2 / 3) / 3,
    "np.var(s * x)": 1.4 * np.var(INPUTS["x"]),
}


@pytest.mark.parametrize("row", WRONG_ELSEWHERE)
def test_no_gradient_is_lost_where_other_libraries_lose_one(row):
    function = eval(f"lambda s, x, m: {row}", dict(CONSTANTS))
    if "full_like(a" in row:  # reaches a tracer only as numpy.copyto into a plain array
        with pytest.raises(MutationError, match=r"funcgrad\.numpy\.full_like"):
            fg.grad(function)(0.7, INPUTS["x"], INPUTS["m"])
        return

    assert np.isclose(fg.grad(function)(0.7, INPUTS["x"], INPUTS["m"]), WRONG_ELSEWHERE[row])


def test_numbers_that_would_hide_a_derivative_are_refused():
    for leak in (lambda x: float(x[0]) * x.sum(), lambda x: x[0].item() * x.sum()):
        with pytest.raises(ConversionError):
            fg.grad(leak)(np.ones(2))


# the command line


def test_the_commands_print(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "in_turns", lambda changes: dict.fromkeys(doctor.TASKS, 0.01))
    assert main(["coverage"]) == 0
    table = capsys.readouterr().out

    assert all(name in table for name in ("numpy.sum", "numpy.add.at", "ndarray.sum"))
    assert len(table.splitlines()) > 700

    assert main(["doctor"]) == 0
    assert f"NumPy {np.__version__}" in capsys.readouterr().out


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "funcgrad", "coverage"], capture_output=True, text=True, check=True
    )

    assert "numpy.sum" in done.stdout
