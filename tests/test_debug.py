"""debug.nans: each nan or inf that reaches a result is traced to the line that made it."""

import inspect
import pickle
import threading
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import NanError, UntakenWarning
from funcgrad.transforms.nans import OFF, CheckingTracer, debugging

X = np.array([1.0, 0.0, 2.0])

# Programs of one array. The line with "planted" makes a nan or inf: in the value, or in the
# derivative alone.


def log_of_zero(x):
    y = 2 * x
    z = np.log(y)  # planted
    return (3 * z).sum()


def division(x):
    total = x.sum()
    return (total / x).sum()  # planted


def overflow(x):
    y = 400 * x
    y = np.exp(y)  # planted
    return np.sum(np.sqrt(y))


def zero_by_zero(x):
    y = x - x
    return np.mean(y / y)  # planted


def power(x):
    y = x**-2.0  # planted
    return y @ y


def arccos(x):
    return np.arccos(x).sum()  # planted


def of_infinities(x):
    mask = np.where(x > 5, x, -np.inf)
    return np.sum(mask - mask.max())  # planted


def product(x):
    y = 1e200 * x
    return y @ y  # planted


def normalization(x):
    y = x[1:2]
    norm = np.sqrt(y @ y)
    return (y / norm).sum()  # planted


def slope_of_sqrt(x):
    y = np.sqrt(x)  # planted
    return y.sum()


def slope_of_power(x):
    y = x * 1.0
    return np.sum(y**0.5)  # planted


def slope_of_arcsin(x):
    y = np.sin(x)
    z = np.arcsin(x[:1])  # planted
    return y.sum() + z.sum()


def slope_of_square_of_sqrt(x):
    y = np.sqrt(x)  # planted
    return np.sum(y**2)


def slope_of_cbrt(x):
    return np.cbrt(x).sum()  # planted


def slope_of_sigmoid(x):
    y = np.exp(800 * x)  # planted
    return np.sum(1 / (1 + y))


def in_scan(x):
    def step(c, t):
        c = c * t
        return c, np.log(c)  # planted

    return fg.lax.scan(step, 1.0, x)[1].sum()


def slope_in_scan(x):
    def step(c, t):
        c = c + np.sqrt(t)  # planted
        return c, c

    return fg.lax.scan(step, 0.0, x)[0]


def carried_by_scan(x):
    def step(c, t):
        c = c * 1e60  # planted
        return c, c * t

    return fg.lax.scan(step, x[0], np.ones(6))[0]


def in_reversed_scan(x):
    def step(c, t):
        c = c + 1 / t  # planted
        return c, np.sin(c)

    return fg.lax.scan(step, 0.0, x, reverse=True)[1].sum()


def in_nested_scan(x):
    def outer(c, t):
        def inner(d, s):
            d = d + np.log(s * t)  # planted
            return d, None

        return fg.lax.scan(inner, c, x)[0], None

    return fg.lax.scan(outer, 0.0, x[:2] + 1)[0]


def in_fori_loop(x):
    def body(i, c):
        return c * c * 1e30  # planted

    return fg.lax.fori_loop(0, 6, body, x[2])


def in_while_loop(x):
    def body(pair):
        i, c = pair
        return i + 1, c + 1 / (3.0 - i)  # planted

    return fg.lax.while_loop(lambda pair: pair[0] < 5.0, body, (0.0 * x[0], x[0]))[1]


def in_cond(x):
    def yes(x):
        y = 1 / x  # planted
        return y.sum()

    return fg.lax.cond(x[0] > 0, yes, lambda x: x.sum(), x)


def slope_in_cond(x):
    def yes(x):
        y = np.sqrt(x)  # planted
        return y.sum()

    return fg.lax.cond(x[0] > 0, yes, lambda x: x.sum(), x)


def in_switch(x):
    def second(x):
        return np.log(x).sum()  # planted

    return fg.lax.switch(1, [np.sum, second], x)


def in_cond_in_scan(x):
    def step(c, t):
        c = fg.lax.cond(t < 0.5, lambda t: c + 1 / t, lambda t: c + t, t)  # planted
        return c, None

    return fg.lax.scan(step, 0.0, x)[0]


def in_vmap(x):
    def one(t):
        return np.log(t) * 2  # planted

    return fg.vmap(one)(x).sum()


def slope_in_vmap(x):
    def one(t):
        return np.sqrt(t) * 2  # planted

    return fg.vmap(one)(x).sum()


def in_checkpoint(x):
    @fg.checkpoint
    def block(x):
        y = 2 * x
        return np.log(y)  # planted

    return block(x).sum()


def slope_in_checkpoint(x):
    @fg.checkpoint
    def block(x):
        y = 2 * x
        return np.sqrt(y)  # planted

    return np.sin(block(x)).sum()


def in_jit(x):
    @fg.jit
    def part(x):
        y = 2 * x
        return 1 / y  # planted

    return part(x).sum()


def slope_in_jit(x):
    @fg.jit
    def part(x):
        y = 2 * x
        return np.sqrt(y)  # planted

    return np.sin(part(x)).sum()


def in_inner_gradient(x):
    def energy(x):
        return np.sqrt(x).sum()  # planted

    return fg.grad(energy)(x).sum()


def slope_in_custom_rule(x):
    @fg.custom_vjp
    def double(x):
        return 2 * x

    def back(x, ct):
        return (ct / x,)  # planted

    double.defvjp(lambda x: (2 * x, x), back)
    return double(x).sum()


def in_where_that_takes_it(x):
    y = np.log(x)  # planted
    return np.where(x < 1, y, 0.0).sum()


def in_matmul(x):
    a = np.outer(x, 1e200 * x)
    return (a @ a).sum()  # planted


def in_inverse(x):
    a = np.diag(x + 1) / np.where(x < 1, 0.0, x)[:, None]  # planted
    return a.sum()


def slope_in_second_order(x):
    def inner(x):
        y = 2 * x
        return np.sum(y**1.5)  # planted

    return fg.grad(inner)(x).sum()


def rule_of_custom_jvp(x):
    @fg.custom_jvp
    def double(x):
        return 2 * x

    @double.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return double(x), t / x  # planted

    return double(x).sum()


def by_a_constant(x):
    return np.sum(x / np.array([0.0, 1.0, 2.0]))  # planted


def in_nested_jit(x):
    inner = fg.jit(lambda t: np.log(t))  # planted
    outer = fg.jit(lambda t: inner(t) * 2)
    return outer(x).sum()


def in_scan_in_vmap(x):
    def one(t):
        def step(c, s):
            return c + np.log(t * s), None  # planted

        return fg.lax.scan(step, 0.0, np.ones(3))[0]

    return fg.vmap(one)(x).sum()


def in_cond_in_vmap(x):
    one = lambda t: fg.lax.cond(t < 0.5, lambda t: 1 / t, lambda t: t, t)  # planted
    return fg.vmap(one)(x).sum()


def slope_in_checkpointed_scan(x):
    def step(c, t):
        d = np.sqrt(t) + c  # planted
        return d, d

    return fg.lax.scan(fg.checkpoint(step), 1.0, x)[1].sum()


def after_a_guard(x):
    y = np.where(x > 0, np.log(x), 0.0)
    return np.sum(y) + np.sqrt(x[1] - 1)  # planted


PLANTED = [
    v for v in list(globals().values()) if inspect.isfunction(v) and v.__module__ == __name__
]
BACKWARD = {f for f in PLANTED if f.__name__.startswith(("slope", "rule"))}
# the operation is of the line itself, a rule's, or of a derivative within
WITH_FORWARD_PART = {
    slope_of_sigmoid,
    slope_in_custom_rule,
    slope_in_second_order,
}  # the line itself, or a rule's
IN_THE_VALUE_ALONE = {of_infinities, product, carried_by_scan, in_matmul}

WAYS = {
    "grad": lambda f: fg.grad(f)(X),
    "grad of jit": lambda f: fg.grad(fg.jit(f))(X),
    "jit of value_and_grad": lambda f: fg.jit(fg.value_and_grad(f))(X),
    "vjp": lambda f: fg.vjp(f, X)[1](1.0),
}
OF_GRADIENTS = {
    "jit of grad": lambda f: fg.jit(fg.grad(f))(X),
    "vmap of grad": lambda f: fg.vmap(fg.grad(f))(X[None]),
    "jacrev": lambda f: fg.jacrev(f)(X),
}
FORWARD = {
    "jvp": lambda f: fg.jvp(f, (X,), (np.ones(3),)),
    "linearize": lambda f: fg.linearize(f, X)[1](np.ones(3)),
}
VALUE = {"jit": lambda f: fg.jit(f)(X), "vmap": lambda f: fg.vmap(f)(X[None])}
ALL = WAYS | OF_GRADIENTS | FORWARD | VALUE


def planted_line(f):
    lines, start = inspect.getsourcelines(f)
    (offset,) = [i for i, line in enumerate(lines) if line.rstrip().endswith("# planted")]
    return f"{__file__}:{start + offset}"


def ways_of(f):
    ways = [*WAYS]
    ways += [] if f in IN_THE_VALUE_ALONE else OF_GRADIENTS
    ways += [] if f is slope_in_custom_rule else FORWARD
    return ways if f in BACKWARD else [*ways, *VALUE]


CASES = [(f, way) for f in PLANTED for way in ways_of(f)]


@pytest.mark.parametrize("f, way", CASES, ids=lambda v: getattr(v, "__name__", v))
def test_the_line_that_made_a_nan_or_inf_is_named(f, way):
    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError) as caught:
        ALL[way](f)

    assert caught.value.line == planted_line(f)
    if f in BACKWARD - WITH_FORWARD_PART and way not in FORWARD:
        assert caught.value.backward


@pytest.mark.parametrize("f", PLANTED, ids=lambda f: f.__name__)
def test_jit_finds_the_line_by_itself(f):
    outside = fg.jit(fg.value_and_grad(f), debug_nans=True)
    inside = fg.value_and_grad(fg.jit(f, debug_nans=True))

    for both in (outside, inside):
        with np.errstate(all="ignore"), pytest.raises(NanError) as caught:
            both(X)
        assert caught.value.line == planted_line(f)


# Linear functions, whose slopes overflow at every argument: derivatives made of numbers alone.


def steep(x):
    y = x * 1e300  # planted
    return np.sum(1e300 * y)


def steep_by_division(x):
    y = x / 1e-200  # planted
    return np.sum(y / 1e-200)


def steep_in_scan(x):
    def step(c, _):
        return c * 1e200, None  # planted

    return fg.lax.scan(step, x[0], None, length=3)[0]


def steep_in_jit(x):
    g = fg.jit(lambda v: v * 1e200)  # planted
    return np.sum(g(g(x)))


def steep_in_checkpoint(x):
    g = fg.checkpoint(lambda v: v * 1e200)  # planted
    return np.sum(g(g(x)))


def steep_in_vmap(x):
    y = fg.vmap(lambda v: v * 1e300)(x)  # planted
    return np.sum(1e300 * y)


def steep_in_cond(x):
    y = fg.lax.cond(True, lambda v: v * 1e300, lambda v: v, x)  # planted
    return np.sum(1e300 * y)


def steep_in_fori(x):
    return np.sum(fg.lax.fori_loop(0, 2, lambda i, c: c * 1e200, x))  # planted


def steep_by_rule(x):
    g = fg.custom_vjp(lambda v: v * 1.0)

    def bwd(_, ct):
        return (ct * 1e300,)  # planted

    g.defvjp(lambda v: (v * 1.0, None), bwd)
    return np.sum(1e300 * g(x))


def steep_by_forward_rule(x):
    g = fg.custom_jvp(lambda v: v * 1.0)

    def rule(primals, tangents):
        return primals[0] * 1.0, tangents[0] * 1e300  # planted

    g.defjvp(rule)
    return np.sum(1e300 * g(x))


def steep_in_second_order(x):
    h = lambda v: np.sum(v * v * 1e200 * 1e200)  # planted
    return np.sum(fg.grad(h)(x))


STEEP = [v for k, v in list(globals().items()) if k.startswith("steep")]
TINY = np.full(3, 1e-300)  # so that no value overflows
PAIR = np.stack([TINY, TINY])
NESTED = {
    "grad": lambda f: fg.grad(f)(TINY),
    "grad of jit": lambda f: fg.grad(fg.jit(f))(TINY),
    "jit of grad": lambda f: fg.jit(fg.grad(f))(TINY),
    "grad of checkpoint": lambda f: fg.grad(fg.checkpoint(f))(TINY),
    "vmap of jit of grad": lambda f: fg.vmap(fg.jit(fg.grad(f)))(PAIR),
    "vmap of grad of jit": lambda f: fg.vmap(fg.grad(fg.jit(f)))(PAIR),
    "vmap of checkpoint of grad": lambda f: fg.vmap(fg.checkpoint(fg.grad(f)))(PAIR),
    "vmap of vmap of jit of grad": lambda f: fg.vmap(fg.vmap(fg.jit(fg.grad(f))))(PAIR[None]),
    "vmap of jit of jacrev": lambda f: fg.vmap(fg.jit(fg.jacrev(f)))(PAIR),
    "map of jit of grad": lambda f: fg.lax.map(fg.jit(fg.grad(f)), PAIR),
    "jvp of jit of grad": lambda f: fg.jvp(fg.jit(fg.grad(f)), (TINY,), (np.ones(3),)),
}


@pytest.mark.parametrize("nest", NESTED)
@pytest.mark.parametrize("f", STEEP, ids=lambda f: f.__name__)
def test_the_line_of_a_slope_that_is_constant_is_named(f, nest):
    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError) as caught:
        NESTED[nest](f)

    assert caught.value.line == planted_line(f)


def test_there_are_thirty_programs():
    assert len(PLANTED) >= 30


# a nan of the data

MISSING = np.array([[1.0, 2.0], [np.nan, 4.0]])


def squares(w, x):
    return np.mean((x @ w) ** 2)


@pytest.mark.parametrize("way", [lambda f: f, fg.jit, lambda f: fg.jit(f, debug_nans=True)])
def test_a_nan_of_an_argument_is_named(way):
    with fg.debug.nans(), pytest.raises(NanError, match=r"1( of squares)? holds 1 nan, .* matmul"):
        way(fg.grad(squares))(np.ones(2), MISSING)


def test_a_nan_of_a_constant_is_named():
    with fg.debug.nans(), pytest.raises(NanError, match="a constant array holds 1 nan") as caught:
        fg.grad(lambda w: squares(w, MISSING))(np.ones(2))

    assert caught.value.given == "a constant array"


def test_a_nan_of_the_data_that_is_masked_is_no_fault():
    masked = lambda w, x: np.sum(np.where(np.isnan(x @ w), 0.0, x @ w)) + np.nansum(x @ w)
    with fg.debug.nans():
        got = fg.grad(masked)(np.ones(2), MISSING)

    assert np.array_equal(got, [2.0, 4.0])


# what is no fault

GUARDS = [
    lambda x: np.where(x > 0, np.log(x), 0.0).sum(),
    lambda x: np.where(x > 0, x * np.log(x), x).sum(),
    lambda x: np.nansum(np.log(x - 1)[:1] * 0 + np.where(x > 5, x, np.nan)),
    lambda x: np.sum(np.maximum(x, 1.0) + np.nan_to_num(x / x)),
    lambda x: np.sum(np.sqrt(x)[::2]),
    lambda x: np.sum(np.exp(np.where(x > 0, x, -np.inf))),
    lambda x: np.min(1 / x),
    lambda x: fg.lax.scan(lambda c, t: (c + np.where(t > 0, np.log(t), 0.0), c), 0.0, x)[0],
    lambda x: fg.lax.cond(x[1] > 0, lambda x: np.log(x).sum(), lambda x: x.sum(), x),
    lambda x: fg.nn.softmax(np.where(x > 0, x, -np.inf))[0],
]


@pytest.mark.parametrize("f", GUARDS, ids=range(len(GUARDS)))
@pytest.mark.parametrize("way", ["grad", "grad of jit", "jit of value_and_grad", "vjp", "jvp"])
def test_what_a_selection_drops_is_no_fault(f, way):
    with np.errstate(all="ignore"):
        want = ALL[way](f)
        with fg.debug.nans():
            got = ALL[way](f)
        assert np.isfinite(fg.jit(fg.grad(f), debug_nans=True)(X)).all()

    for a, b in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)  # compiled with checks, factors are in turns
        assert type(a) is type(b)


def test_an_inf_that_came_as_such_is_no_fault():
    f = lambda x: x - np.array([np.inf, 1.0, 2.0])
    with fg.debug.nans():
        got = fg.vmap(f)(X[None]), fg.jit(f)(X)
    alone = fg.jit(f, debug_nans=True)(X)

    assert np.isneginf(got[0][0, 0]) and np.isneginf(got[1][0]) and np.isneginf(alone[0])


def test_an_overflow_beside_an_inf_that_came_as_such_is_found():
    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError, match="exp made"):
        fg.jit(np.exp)(np.array([np.inf, 1000.0]))


# what an error says


def test_an_error_tells_statistics_and_the_chain_back_to_the_inputs():
    def loss(params, n):
        h = params["w"] - 1.0
        return np.sum(n * np.log(h))

    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError) as caught:
        fg.grad(loss)({"w": np.array([3.0, 1.0, 0.0, 2.0])}, 2)

    err = caught.value
    assert [name for name, _ in err.chain] == ["log", "sub", "argument 0['w']"]
    assert err.operation == "log" and not err.backward and isinstance(err, FloatingPointError)
    (given,) = err.operands
    assert given == ((4,), np.float64, -1.0, 2.0, 0, 0)
    assert "log made 1 nan and 1 inf of 4 elements, at " in str(err)
    assert "operand 0: f64[4], from -1 to 2" in str(err)


def test_the_chain_of_a_derivative_goes_through_its_line():
    with fg.debug.nans(), pytest.raises(NanError, match=r"\(in the backward pass\)") as caught:
        fg.grad(lambda x: np.sum(np.sqrt(x * 3)))(X)

    assert [name for name, _ in caught.value.chain][-3:] == ["sqrt", "mul", "argument 0"]


def test_the_chain_of_a_loop_goes_back_to_the_inputs():
    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError) as caught:
        fg.grad(in_scan)(X)

    names = [name for name, _ in caught.value.chain]
    assert names[:2] == ["log", "mul"] and names[-1] == "argument 0"


def test_a_long_chain_is_shortened():
    def f(x):
        for _ in range(300):
            x = x * 1.0
        return np.log(x).sum()

    with (
        np.errstate(all="ignore"),
        fg.debug.nans(),
        pytest.raises(NanError, match=r" <- \.\.\. <- "),
    ):
        fg.grad(f)(X)


def test_an_error_pickles():
    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError) as caught:
        fg.grad(log_of_zero)(X)
    again = pickle.loads(pickle.dumps(caught.value))

    assert again.line == caught.value.line and str(again) == str(caught.value)


def test_what_a_factorization_refuses_is_traced_to_what_made_it():
    def f(x):
        a = np.diag(1 / x)
        return np.linalg.eigh(a)[0].sum()

    with np.errstate(all="ignore"), fg.debug.nans(), pytest.raises(NanError, match="div made"):
        fg.grad(f)(X)


# selections that hide


def test_untaken_names_the_selection_and_what_it_hides():
    def f(x):
        y = np.log(x)
        return np.where(x > 0, y, 0.0).sum()

    start = f.__code__.co_firstlineno
    told = pytest.warns(UntakenWarning)
    with np.errstate(all="ignore"), told, fg.debug.nans(untaken=True) as hidden:
        fg.grad(f)(X)

    first = hidden[0]
    assert str(first).startswith("debug.nans: where at ") and " hides a nan or inf " in str(first)
    assert (first.operation, first.made_by) == ("where", "log")
    assert first.line.endswith(f":{start + 2}") and first.made_at.endswith(f":{start + 1}")


@pytest.mark.parametrize("f", GUARDS[:4] + GUARDS[7:8], ids=[0, 1, 2, 3, 7])
def test_untaken_finds_each_guard(f):
    told = pytest.warns(UntakenWarning)
    with np.errstate(all="ignore"), told, fg.debug.nans(untaken=True) as hidden:
        fg.grad(f)(X)

    assert hidden


def test_untaken_finds_nothing_where_all_is_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fg.debug.nans(untaken=True) as hidden:
            fg.grad(lambda x: np.where(x > 1, np.exp(x), x).sum())(X)

    assert hidden == []


# the block


def test_nothing_is_wrapped_when_it_is_off():
    seen = []

    def f(x):
        seen.append(x)
        return np.sum(x**2)

    with fg.debug.nans():
        fg.grad(f)(X)
    fg.grad(f)(X)
    fg.vjp(f, X)
    fg.jvp(f, (X,), (X,))

    assert isinstance(seen[0].value, CheckingTracer)
    assert all(type(x.value) is np.ndarray for x in seen[1:])
    assert debugging.get() is OFF


def test_it_is_off_after_an_exception_and_in_other_threads():
    modes = []
    with pytest.raises(ZeroDivisionError), fg.debug.nans():
        thread = threading.Thread(target=lambda: modes.append(debugging.get()))
        thread.start()
        thread.join()
        raise ZeroDivisionError

    assert modes == [OFF] and debugging.get() is OFF


def test_results_are_those_without_it():
    f = lambda x: np.sin(x[:2]).sum()
    g = fg.jit(lambda x, n: np.sin(x[:n]), static_argnums=1)
    want = fg.value_and_grad(f)(X), g(X, 2)
    with fg.debug.nans():
        got = fg.value_and_grad(f)(X), g(X, 2)

    for a, b in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)


def test_arguments_that_are_not_differentiated_become_numbers_where_asked():
    f = lambda x, scale: np.sum(x) * float(scale) + np.asarray(scale) + int(scale)
    with fg.debug.nans():
        got = fg.grad(f)(X, np.array(2.0))

    np.testing.assert_array_equal(got, [2.0, 2.0, 2.0])


def test_a_pullback_made_in_the_block_is_checked_after_it():
    with fg.debug.nans():
        _, pullback = fg.vjp(lambda x: np.sqrt(x), X)
    with pytest.raises(NanError, match="in the backward pass"):
        pullback(np.ones(3))


def test_results_are_not_aliases_of_arguments():
    x = X.copy()
    with fg.debug.nans():
        y = fg.vmap(lambda x: x)(x)
    y[0] = 5.0

    assert x[0] == 1.0


def test_uncompiled_calls_are_checked_too():
    raised = pytest.raises(NanError)
    with np.errstate(all="ignore"), fg.debug.nans(), fg.disable_jit(), raised as caught:
        fg.grad(fg.jit(log_of_zero))(X)

    assert caught.value.line == planted_line(log_of_zero)


def test_a_compiled_function_that_checks_itself_keeps_its_donors():
    f = fg.jit(lambda x: np.log(x), donate_argnums=0, debug_nans=True)
    x = X.copy()
    with np.errstate(all="ignore"), pytest.raises(NanError):
        f(x)

    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(f(X + 1), np.log(X + 1))
