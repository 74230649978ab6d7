"""The compiler from inside: each pass keeps what a program computes, and does what it is for."""

import ast
import gc
import itertools
import linecache
import pickle
import re
import subprocess
import sys
import traceback

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile import algebra, fusion, simplification
from funcgrad.compile.allocator import ALIGNMENT, Arena
from funcgrad.compile.code_motion import hoist
from funcgrad.compile.constant_folding import fold_constants, fold_literals
from funcgrad.compile.cse import cse
from funcgrad.compile.inlining import inline
from funcgrad.compile.passes import FIRST, LAST, PASSES, may_change, optimize
from funcgrad.compile.program import compiled
from funcgrad.compile.rewrite import Builder, on_programs
from funcgrad.core.avals import aval_of
from funcgrad.core.dead_code import dce
from funcgrad.core.jaxpr import Jaxpr, Var, check_jaxpr, constants_as_inputs, eval_jaxpr
from funcgrad.ops.compare import logical_not
from funcgrad.ops.elementwise import conj
from funcgrad.transforms.jit.signature import uniform_as_scalars

from .support.compare import assert_same
from .support.programs import PROGRAMS, P, X, weighted
from .support.terms import evaluated
from .support.turns import in_turns

RNG = np.random.default_rng(5)


def staged(f, *xs):
    """Return a program without constants, and its operands."""
    closed = uniform_as_scalars(fg.make_jaxpr(f)(*xs))
    return constants_as_inputs(closed.jaxpr), (*closed.consts, *xs)


def names(jaxpr):
    return [eqn.prim.name for eqn in jaxpr.eqns]


def simplified(f, *xs):
    """Return the names of a program's operations before and after, its values held equal."""
    jaxpr, operands = staged(f, *xs)
    after = dce(simplification.simplify(jaxpr))
    check_jaxpr(after)
    want, got = eval_jaxpr(jaxpr, (), operands), eval_jaxpr(after, (), operands)
    assert [a.aval for a in jaxpr.outvars] == [a.aval for a in after.outvars]
    assert_same(want, got, 1e-12, 1e-12)  # a product's order of factors
    return names(jaxpr), names(after)


# identities


def operands_of(row):
    """Return X and Y: of the kind for which a row keeps the dtype, and of shapes that broadcast."""
    x, y = RNG.normal(size=(3, 4)), RNG.normal(size=(4,))
    if row[0].prim is logical_not:
        return x > 0, y > 0
    return (x + 1j * x[::-1], y) if row[0].prim is conj else (x, y)


@pytest.mark.parametrize("row", algebra.TABLE, ids=range(len(algebra.TABLE)))
def test_both_sides_of_an_identity_are_equal_and_the_left_becomes_the_right(row):
    left, right = row
    x, y = operands_of(row)
    sides = [
        lambda x, y, side=side: evaluated(side, {"X": x, "Y": y, "A": 2.5, "B": -0.75}) + y
        for side in (left, right)
    ]

    np.testing.assert_allclose(sides[1](x, y), sides[0](x, y), rtol=1e-12, atol=1e-12)
    before, after = simplified(sides[0], x, y)
    assert before != after == simplified(sides[1], x, y)[1]


M, V = RNG.normal(size=(3, 4)), RNG.normal(size=4)
ONES = lambda x: np.broadcast_to(2.0, x.shape)

# fmt: off
RULES = {
    "x / a":                   (lambda x: x / 4.0,                        ["mul"]),
    "x / (-a)":                (lambda x: x / -0.5,                       ["mul"]),
    "reshape to itself":       (lambda x: x.reshape(3, 4),                []),
    "reshape of reshape":      (lambda x: x.reshape(2, 6).reshape(12),    ["reshape"]),
    "there and back":          (lambda x: x.reshape(12).reshape(3, 4),    []),
    "transpose of transpose":  (lambda x: x.T.T,                          []),
    "cast to itself":          (lambda x: x.astype(float),                []),
    "transpose of ones":       (lambda x: x[:, None].transpose(1, 0, 2),  ["reshape"]),
    "broadcast beside x":      (lambda x: x * np.broadcast_to(x[0], (3, 4)), ["mul"]),
    "sum of a repeated value": (lambda x: np.broadcast_to(x, (5, 3, 4)).sum(0), ["mul", "add"]),
    "function of repeated":    (lambda x: np.sin(np.broadcast_to(x, (5, 3, 4))),
                                ["sin", "broadcast"]),
}
KEPT = {
    "x / 0":                   (lambda x: x[:0] / 0.0,                    M),
    "x / 3":                   (lambda x: x / 3.0,                        M),
    "int / a":                 (lambda x: x / 2,                          np.arange(3)),
    "1 / a overflows":         (lambda x: x / 1e-310,                     1e-312 * M),
    "float32 + float64 0":     (lambda x: x + np.float64(0),              M.astype("f4")),
    "float32 * float64 1":     (lambda x: x * np.float64(1),              M.astype("f4")),
    "int * 1.0":               (lambda x: x * 1.0,                        np.arange(3)),
    "int / 1":                 (lambda x: x / 1,                          np.arange(3)),
    "int8 + int16 0":          (lambda x: x + np.int16(0),                np.arange(3, dtype="i1")),
    "bool + 0":                (lambda x: x + 0,                          M > 0),
    "bool * 1":                (lambda x: x * 1,                          M > 0),
    "bool ** 1":               (lambda x: x**1,                           M > 0),
    "not not a number":        (lambda x: np.logical_not(np.logical_not(x)), M),
    "cast":                    (lambda x: x.astype("f4"),                 M),
    "another order":           (lambda x: x.T.reshape(3, 4),              M),
    "a cycle of axes":         (lambda x: x.transpose(1, 2, 0),           np.ones((2, 3, 4))),
    "a row less itself":       (lambda x: x[0] - x[1],                    M),
}
# fmt: on


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_more_than_a_pattern_applies(rule):
    function, want = RULES[rule]
    _, after = simplified(function, M)

    assert [name for name in after if name != "getitem"] == want


@pytest.mark.parametrize("rule", KEPT)
def test_nothing_is_simplified_where_dtype_or_order_would_change(rule):
    function, x = KEPT[rule]
    with np.errstate(all="ignore"):
        before, after = simplified(function, x)

    assert before == after


def test_a_number_of_pythons_stays_weak():
    before, after = simplified(lambda x: (x * np.float64(1), x * 1.0), 2.5)

    assert (before, after) == (["mul", "mul"], ["mul"])  # the first makes it one of NumPy's


def test_a_division_by_a_number_needs_no_guard():
    jaxpr, _ = staged(fg.grad(lambda x: (x / 3.0).sum()), M)

    assert "quotient" in names(jaxpr)
    assert "quotient" not in names(optimize(jaxpr))


# all passes, one after the other


def test_the_order_of_passes_leaves_no_dead_code_and_fuses_what_is_scheduled():
    order = [change.__name__ for change in (*FIRST, *PASSES, *LAST)]
    after = lambda first, then: order.index(first) < len(order) - 1 - order[::-1].index(then)

    assert PASSES[-1] is dce  # of what the last simplification leaves unread
    assert after("inline", "insert_checks") and after("lower", "simplify")
    assert after("simplify", "cse") and after("schedule", "fuse") and order[-1] == "merge_spans"


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_pass_keeps_types_and_values(name):
    value = PROGRAMS[name]
    for f in (value, fg.grad(lambda x, p: weighted(value(x, p)), argnums=(0, 1))):
        now, operands = staged(f, X[0, 0], P[0, 0])
        want = eval_jaxpr(now, (), operands)
        whole = lambda program: on_programs(program, lambda inner: optimize(inner, True))
        for change in (*FIRST, whole, *PASSES, *LAST):
            now = change(now)
            check_jaxpr(now)
            for w, g in zip(want, eval_jaxpr(now, (), operands), strict=True):
                np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-11)  # powers, quotients


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pass_that_is_left_out_would_change_nothing(name):
    value = PROGRAMS[name]
    for f in (value, fg.grad(lambda x, p: weighted(value(x, p)), argnums=(0, 1))):
        now, _ = staged(f, X[0, 0], P[0, 0])
        for change in (*FIRST, *PASSES, *LAST):
            before, now = now, change(now)

            assert may_change(before, change) or set(now.eqns) == set(before.eqns)


def test_equal_expressions_are_computed_once():
    jaxpr, _ = staged(lambda x: np.sin(x) * 2 + np.sin(x) * 2.0 + np.cos(x), M)

    assert names(cse(jaxpr)).count("sin") == 1
    assert names(cse(jaxpr)).count("mul") == 2  # 2 and 2.0 are not the same number


@pytest.mark.parametrize(("dtype", "products"), [(float, 1), (complex, 2)])
def test_products_of_exchanged_factors_are_one_where_no_bit_depends_on_the_order(dtype, products):
    f = lambda x, y: (x * y, y * x, x + y, y + x, x - y, y - x)
    jaxpr, _ = staged(f, *np.ones((2, 3), dtype))

    assert names(cse(jaxpr)).count("mul") == products
    assert names(cse(jaxpr)).count("add") == 1
    assert names(cse(jaxpr)).count("sub") == 2


def test_a_check_reads_a_matrix_as_it_lies_in_memory():
    step = fg.jit(fg.grad(lambda w, x: np.sum(np.maximum(x @ w, 0.0))))
    w, x = np.ones((600, 110)), np.ones((20, 600))
    step(w, x)

    condition = next(line for line in step.source(w, x).splitlines() if "if not" in line)
    assert "vecdot(x, x)" in condition
    assert "_T" not in condition


@pytest.mark.parametrize(("prevent", "count"), [(True, 2), (False, 1)])
def test_what_is_computed_again_is_not_merged_with_what_was(prevent, count):
    body = fg.checkpoint(lambda x: np.sin(np.exp(x)), prevent_cse=prevent)
    jaxpr, _ = staged(fg.value_and_grad(lambda x: body(x).sum()), M)

    assert names(optimize(jaxpr)).count("exp") == count


def test_dead_code_is_dropped_with_what_loops_and_choices_compute_for_it():
    def f(x):
        step = lambda c, t: ((c[0] * t, np.sin(c[1])), (c[0], np.exp(t)))
        (kept, _), (rows, _) = lax.scan(step, (x[0], x[1]), x)
        chosen, _ = lax.cond(kept > 0, lambda v: (v, np.tan(v)), lambda v: (-v, v), kept)
        np.cos(x)
        return chosen, rows

    jaxpr, operands = staged(f, V)
    after = dce(inline(jaxpr))
    scan = next(e for e in after.eqns if e.prim.name == "scan")
    cond = next(e for e in after.eqns if e.prim.name == "cond")

    assert "cos" not in names(after)
    assert (scan.params["num_carry"], len(scan.outs)) == (1, 2)
    assert names(scan.params["jaxpr"]) == ["mul"]
    assert [names(b) for b in cond.params["branches"]] == [["neg"], []]
    for w, g in zip(f(V), eval_jaxpr(after, (), operands), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12)


def test_a_carried_value_that_another_needs_stays():
    def f(x):
        return lax.scan(lambda c, t: ((c[0] + c[1], c[1] * t), None), (x[0], x[1]), x)[0][0]

    jaxpr, _ = staged(f, V)
    (scan,) = (e for e in dce(jaxpr).eqns if e.prim.name == "scan")

    assert scan.params["num_carry"] == 2


@pytest.mark.parametrize(("top", "left"), [(2.0, ["mul"]), (np.float64(1e308), ["mul"] * 2)])
def test_numbers_are_folded_unless_numpy_would_warn(top, left):
    build, x = Builder(), Var(aval_of(V))
    number = build("mul", top, np.float64(10.0))
    out = build("mul", x, number)
    jaxpr = Jaxpr((x,), (), tuple(build.eqns), (out,))

    assert names(fold_literals(jaxpr)) == left


def test_what_is_made_of_constants_alone_is_made_once():
    scale, x = np.arange(4.0), np.full(4, 2.0)
    jaxpr, _ = staged(lambda c, x: (np.sin(c) + 1.0, x * np.exp(c), np.sum(c)), scale, x)
    program = fold_constants(jaxpr, (scale,))

    assert [eqn.prim.name for eqn in program.eqns if eqn.ins] == ["mul"]
    want = eval_jaxpr(jaxpr, (), (scale, x))
    for _ in range(2):
        got = compiled(jaxpr, "f", constants=(scale,)).main(scale, x)
        for y, z in zip(got, want, strict=True):
            np.testing.assert_array_equal(y, z)
        got[0][...] = np.nan  # the caller's own


def test_what_is_larger_than_its_constants_is_made_at_each_call():
    column = np.arange(1000.0)[:, None]  # 8 kB, of which 8 MB are made
    jaxpr, _ = staged(lambda c, x: np.sum(np.exp(c + c.T) * x), column, 2.0)

    assert "exp" in [eqn.prim.name for eqn in fold_constants(jaxpr, (column,)).eqns]


def test_what_is_made_of_constants_on_the_way_needs_no_room():
    seeds, x = np.eye(4).repeat(40_000, 1), np.full(160_000, 2.0)  # 5 MB
    jaxpr, _ = staged(lambda c, x: ((c[:, 1:] - c[:, :-1]) * 3.0 + 1.0) * x[1:], seeds, x)
    program = fold_constants(jaxpr, (seeds,))

    assert [e.prim.name for e in program.eqns] == ["constant", "getitem", "mul"]
    np.testing.assert_array_equal(
        compiled(jaxpr, "f", constants=(seeds,)).main(seeds, x)[0],
        eval_jaxpr(jaxpr, (), (seeds, x))[0],
    )


def test_a_warning_of_constants_stays_in_the_program():
    scale, x = np.arange(4.0), np.full(4, 2.0)
    jaxpr, _ = staged(lambda c, x: (x * np.log(c), x * np.exp(c)), scale, x)

    assert [e.prim.name for e in fold_constants(jaxpr, (scale,)).eqns if e.ins] == [
        "log", "mul", "mul",
    ]  # fmt: skip


def test_small_operands_of_a_chain_are_made_before_it():
    stack, x = np.random.default_rng(0).random((4, 40_000)), np.linspace(0.0, 1.0, 40_000)
    jaxpr, _ = staged(lambda c, x: np.exp(c * x) + c * np.sin(x), stack, x)
    eqns = fusion.fuse(jaxpr).eqns

    assert [e.prim.name for e in eqns] == ["sin", "blocks"]
    got, want = compiled(jaxpr, "f").main(stack, x), eval_jaxpr(jaxpr, (), (stack, x))
    np.testing.assert_allclose(got, want, rtol=1e-15)  # NumPy's exp at other places of a vector


def test_a_jacobian_of_what_is_linear_is_made_once():
    jacobian, x = fg.jit(fg.jacfwd(lambda x: 3.0 * np.cumsum(x))), np.ones(3)
    jacobian(x)[...] = np.nan

    np.testing.assert_array_equal(jacobian(x), 3.0 * np.tri(3))
    assert not re.search("multiply|cumsum|accumulate", re.sub("#.*", "", jacobian.source(x)))


def test_what_a_step_makes_of_constants_is_made_before_the_loop():
    def f(x, w):
        return lax.scan(lambda c, t: (c * np.sin(w).sum() + t * np.exp(x[0]), None), x[0], x)[0]

    jaxpr, operands = staged(f, V, M)
    after = hoist(jaxpr)
    (scan,) = (e for e in after.eqns if e.prim.name == "scan")

    assert not {"sin", "exp", "sum"} & set(names(scan.params["jaxpr"]))
    np.testing.assert_allclose(eval_jaxpr(after, (), operands)[0], f(V, M), rtol=1e-12)


# choices and powers

ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -1.5, 1.5, 5e-324])
CHOICES = {
    "where": lambda x, y: np.where(x > y, x * 1.0, y * 1.0),
    "where 0": lambda x, y: np.where(x > y, x * 1.0, 0.0),
    "0 where": lambda x, y: np.where(x > y, 0.0, y * 1.0),
    "where numbers": lambda x, y: np.where(x, x, y),
    "where of rows": lambda x, y: np.where(np.abs(x[0]) > 1, x, y),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "clip": lambda x, y: np.clip(x, -1.0, y),
    "relu": lambda x, y: np.where(x > 0, x, 0) + np.maximum(y, 0),
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("choice", CHOICES)
def test_choices_are_bit_selects_and_exact_to_the_sign_of_zero(choice, dtype):
    x, y = (v.astype(dtype) for v in np.meshgrid(ODD, ODD))
    function = fg.jit(CHOICES[choice])
    with np.errstate(all="ignore"):
        want, got = CHOICES[choice](x, y), function(x, y)

    assert "where" not in "".join(c for c in function.source(x, y).splitlines() if "#" not in c)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


@pytest.mark.parametrize("n", [*range(-5, 11), 0.5, 2.0, 3.0, -1.0, np.float64(2), 33, 65, 2.5])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i4", "i8"])
def test_powers_are_those_of_numpy(dtype, n):
    x = (1.0 + np.arange(1, 7) * 0.25).astype(dtype)
    if dtype[0] == "i" and not isinstance(n, float) and n < 0:
        with pytest.raises(ValueError, match="negative integer powers"):
            fg.jit(lambda x: x**n)(x)
        return
    want, got = x**n, fg.jit(lambda x: x**n)(x)

    assert want.dtype == got.dtype
    np.testing.assert_allclose(got, want, rtol=64 * np.finfo("f4" if dtype == "f4" else "f8").eps)


# memory


@pytest.mark.parametrize("seed", range(20))
def test_the_arena_never_gives_out_a_byte_twice(seed):
    rng, arena, live = np.random.default_rng(seed), Arena(), []
    for _ in range(300):
        if live and rng.random() < 0.48:
            arena.free(live.pop(rng.integers(len(live))))
        else:
            live.append(arena.allocate(int(rng.integers(0, 3000))))
        spans = sorted((r.offset, r.offset + r.size) for r in live)
        assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
        assert all(r.offset % ALIGNMENT == 0 and r.offset + r.size <= arena.size for r in live)
        assert sum(r.size for r in live) <= arena.live <= arena.peak <= arena.size
    for root in live:
        arena.free(root)

    assert (arena.free_list, arena.live) == ([(0, arena.size)], 0)


STEPS = (
    lambda a, b, c: a + b,
    lambda a, b, c: a * b - c,
    lambda a, b, c: np.tanh(a),
    lambda a, b, c: np.where(a > b, a * 1.5, c),
    lambda a, b, c: np.maximum(a, b),
    lambda a, b, c: a / (1 + np.abs(b)),
    lambda a, b, c: a.T.reshape(a.shape),
    lambda a, b, c: np.concatenate([a[:1], b[1:]]),
    lambda a, b, c: a.sum(1, keepdims=True) * 0.1 + b,
    lambda a, b, c: np.broadcast_to(a[0], a.shape),
    lambda a, b, c: fg.at(a)[1:].set(b[:-1]),
    lambda a, b, c: fg.at(a)[np.array([0, 0])].add(c[:2]),
    lambda a, b, c: np.tanh(a @ b.T) @ c,
    lambda a, b, c: lax.fori_loop(0, 3, lambda i, t: (t[1], np.cos(t[0]), t[0]), (a, b, c))[0],
    lambda a, b, c: lax.cond(a.sum() > 0, lambda p, q: (p * 2, q), lambda p, q: (q, p), a, b)[0],
    lambda a, b, c: lax.scan(lambda z, w: (np.sin(z) + w.sum(), (z * w).sum(0)), a, b)[1],
)


def random_program(seed, steps, length=12):
    """Return a function of two arrays whose values feed one another in a random order."""
    rng = np.random.default_rng(seed)
    rows = [(steps[rng.integers(len(steps))], *rng.random(3)) for _ in range(length)]
    chosen = rng.random(3)

    def f(x, y):
        values = [x, y]
        for step, *places in rows:  # the recent ones more often
            values.append(step(*(values[-1 - int(p * p * len(values))] for p in places)))
        outs = [values[int(p * len(values))] for p in chosen]
        return [out * 1.5 for out in outs] + [values[-1] - 1.0]

    return f


def assert_compiled_equals_eager(f, xs, donated):
    want, compiled_f = f(*xs), fg.jit(f, donate_argnums=donated)
    for _ in range(3):
        got = compiled_f(*map(np.copy, xs))
        for w, g in zip(want, got, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-9)  # sums by BLAS
        for i, g in enumerate(got):
            assert not any(np.may_share_memory(g, other) for other in got[:i])


@pytest.mark.parametrize("donated", [(), (0,), (0, 1)], ids=str)
@pytest.mark.parametrize("seed", range(40))
def test_memory_that_is_used_again_is_never_read_again(seed, donated):
    xs = np.random.default_rng(seed).normal(size=(2, 3, 4))
    assert_compiled_equals_eager(random_program(seed, STEPS), tuple(xs), donated)


BLOCKED = {  # the shapes of two operands, and whether blocks of the whole come out even
    "flat": ((140000,), (140000,)),
    "flat, the last overlaps": ((140001,), (140001,)),
    "one row": ((400, 400), (1, 400)),
    "a row of rank one": ((400, 350), (350,)),
    "one column": ((400, 400), (400, 1)),
    "rows that overlap": ((401, 397), (401, 1)),
    "rank three": ((11, 131, 127), (131, 127)),
    "one axis of three": ((11, 131, 127), (1, 131, 1)),
    "a number": ((400, 400), ()),
    "few rows": ((7, 20000), (20000,)),
}


@in_turns("shapes, seed, donated", BLOCKED, range(4), [(), (0,), (0, 1)])
def test_a_chain_in_blocks_equals_one_over_whole_arrays(shapes, seed, donated):
    rng = np.random.default_rng(3)
    x, y = (np.asarray(rng.normal(size=shape)) for shape in BLOCKED[shapes])
    f = random_program(seed, STEPS[:6], 10)
    assert_compiled_equals_eager(lambda x, y: f(x + 0.5, y + 0.5 * x), (x, y), donated)


def test_a_chain_over_a_big_array_is_one_equation():
    jaxpr, _ = staged(lambda x: np.tanh(x * 2) + x, np.ones(fusion.BIG))

    assert names(fusion.fuse(jaxpr)) == ["blocks"]
    assert names(fusion.fuse(staged(lambda x: np.tanh(x * 2) + x, V)[0])) != ["blocks"]


# text


def layer(params, x):
    h = np.tanh(x @ params["w1"] + 1.0)
    return h * 2


def test_the_source_names_what_the_user_named_and_shows_the_lines():
    text = fg.jit(layer).source({"w1": M.T}, M)
    tree = ast.parse(text)
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert "\0" not in text
    assert {"h", "params_w1", "x"} <= found
    assert 'h = np.tanh(x @ params["w1"] + 1.0)' in text


def test_a_traceback_shows_the_line_of_the_generated_source():
    def f(x, i):
        return (x * 2)[i]

    jaxpr, _ = staged(f, V, np.array([0]))
    program = compiled(jaxpr, "f", ["x", "i"])
    with pytest.raises(IndexError) as caught:
        program.main(V, np.array([9]))
    last = traceback.extract_tb(caught.value.__traceback__)[-1]

    pairs = zip(linecache.getlines(program.filename), program.source.text.splitlines(), strict=True)
    assert all(shown.startswith(line) for shown, line in pairs)
    assert last.filename == program.filename
    assert "[i]  # f64[1]" in last.line


def test_a_program_means_the_same_in_another_interpreter():
    functions = [layer_loss, *(PROGRAMS[n] for n in ("scan_slices", "sorted_values", "choice"))]
    cases = [({"w1": M.T}, M)] + [(X[0, 0], P[0, 0])] * 3
    rows = []
    for f, xs in zip(functions, cases, strict=True):
        jaxpr, operands = staged(lambda *leaves, f=f, xs=xs: f(*fg.tree.unflatten(
            fg.tree.structure(xs), leaves)), *fg.tree.leaves(xs))  # fmt: skip
        program = compiled(jaxpr, "f")
        rows.append((program, operands, program.main(*operands)))
    check = (
        "import sys, pickle\n"
        "for program, xs, want in pickle.loads(sys.stdin.buffer.read()):\n"
        "    got = program.main(*xs)\n"
        "    assert [g.tobytes() for g in got] == [w.tobytes() for w in want]\n"
    )
    subprocess.run([sys.executable, "-c", check], input=pickle.dumps(rows), check=True)


layer_loss = fg.grad(lambda params, x: layer(params, x).sum())


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@pytest.mark.parametrize("m", [1, 2, 64])
@pytest.mark.parametrize("n", [1, 3, 64])
def test_an_outer_product_keeps_nan_and_the_sign_of_zero(m, n, dtype):
    x = np.resize([0.0, -0.0, 2.0, np.inf], (m, 1)).astype(dtype)
    y = np.resize([np.nan, 0.0, -0.0, -3.0, np.inf], (1, n)).astype(dtype)
    with np.errstate(all="ignore"):
        want, got = x @ y, fg.jit(np.matmul)(x, y)

        np.testing.assert_array_equal(got, want)
        if dtype != "c16":  # the sign of a complex zero is that of a sum
            np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[want == 0]))


def test_the_gradient_of_a_bias_needs_no_check_beside_that_of_its_weights():
    params = {"b": [np.zeros(5), np.zeros(1)], "w": [np.ones((4, 5)), np.ones((5, 1))]}
    x = np.linspace(-1, 1, 12).reshape(3, 4)

    def loss(params):
        h = np.tanh(x @ params["w"][0] + params["b"][0])
        return np.sum((h @ params["w"][1] + params["b"][1]) ** 2)

    product = lambda params, v: fg.hvp(loss, (params,), (v,))
    compiled = fg.jit(product)
    text = compiled.source(params, params)
    assert text.count(" isfinite(") == 2
    for k in range(2):
        for name in params:
            worse = fg.tree.map(np.array, params)
            worse[name][k].flat[0] = np.inf
            with np.errstate(all="ignore"):
                assert_same(product(worse, params), compiled(worse, params))
                assert_same(product(params, worse), compiled(params, worse))


def test_values_of_every_dtype_and_size_are_checked():
    shapes = {"a": (90, 100), "b": (3, 4), "c": (0, 2), "z": (3,), "s": ()}
    dtypes = {"a": "f8", "b": "f4", "c": "f8", "z": "c16", "s": "f8"}
    params = {name: np.full(shapes[name], 0.5, dtypes[name]) for name in shapes}

    def f(p):
        chosen = (
            np.where(p["b"] > 0, np.log(p["b"]), 0).sum() + np.where(p["c"] > 0, p["c"], 0).sum()
        )
        power = np.where(p["z"].real > 0, p["z"] ** 3, 0).sum().real
        return chosen + power + (p["a"] ** 3).sum() * p["s"] ** 2

    slope = lambda p, v: fg.jvp(fg.grad(f), (p,), (v,))
    compiled = fg.jit(slope)
    for name in (None, *shapes):
        for value in (np.inf, np.nan, 0.0):
            worse = fg.tree.map(np.array, params)
            if name is not None and worse[name].size:
                worse[name].flat[-1:] = value
            with np.errstate(all="ignore"):
                assert_same(slope(worse, params), compiled(worse, params))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("arrays", [(), (0,), (1,), (0, 1)], ids=str)
def test_clip_takes_the_zero_that_numpy_takes(arrays, dtype):
    x = ODD.astype(dtype)
    for bounds in [(a, b) for a in (0.0, -0.0, -1.0) for b in (0.0, -0.0, 1.0)]:
        pair = [np.full(len(x) if i in arrays else (), b, dtype) for i, b in enumerate(bounds)]
        want = np.clip(x, *pair)

        np.testing.assert_array_equal(fg.jit(np.clip)(x, *pair), want)
        np.testing.assert_array_equal(np.signbit(fg.jit(np.clip)(x, *pair)), np.signbit(want))


def test_a_program_that_outlives_the_modules_is_freed_in_silence(monkeypatch):
    made = compiled(fg.make_jaxpr(np.sin)(X).jaxpr, "f")
    monkeypatch.setattr("funcgrad.compile.program.linecache", None)

    made.__del__()  # an error in it would be printed, not raised


def test_the_source_of_a_freed_program_is_dropped_when_another_is_compiled():
    jaxpr = fg.make_jaxpr(np.sin)(X).jaxpr
    name = compiled(jaxpr, "f").filename
    gc.collect()
    # linecache.checkcache looks up each file that it listed before, and the collector may run then
    assert name in linecache.cache

    compiled(jaxpr, "g")
    assert name not in linecache.cache
