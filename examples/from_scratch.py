"""Funcgrad from scratch: how to differentiate plain NumPy code, in one file.

Read it from top to bottom, then run it. It imports nothing of funcgrad, and is a small version of
it: the terms are the same, and each part names the corresponding files.

The idea: a numerical program is a sequence of a few kinds of operations (add, multiply, sine,
matrix product). If we call it with objects that look like arrays, each operation is passed to us.
We can then compute a derivative along with the value (forward mode); or record the operations, and
go back over the record (reverse mode); or keep the record as a program (staging).
"""

import itertools
from collections import namedtuple

import numpy as np


def show(what, got, want):
    assert np.allclose(got, want, rtol=1e-9, atol=0), f"{what}: want {want}, got {got}"
    print(f"{what:<64}{got:9.6f}")


# 1. Primitives ------------------------------------------------------------ funcgrad/core/trace.py
# A primitive is an operation that is not decomposed further. All its rules are in one place: `run`
# is the NumPy function, `jvp` maps a tangent forward, `vjp` maps a cotangent back.
#
# The arguments decide who runs an operation. On plain arrays NumPy does. A tracer belongs to a
# trace, one run of one transform over one function, and then the trace runs it. Among several
# traces the youngest does: it began inside the others and ends before them. No global variable
# holds the active transform, so none can be wrong.
serials = itertools.count()
overrides = {}  # NumPy function -> primitive


class Primitive:
    """An operation with its rules; without rules it has no derivative."""

    def __init__(self, name, run, *rules):
        self.name, self.run, self.rules = name, run, rules
        overrides[run] = self.bind

    def bind(self, *args, **params):
        """Apply to arrays and tracers; tracers of older traces are constants to the youngest."""
        traces = [x.trace for x in args if isinstance(x, Tracer)]
        if not traces:
            return self.run(*args, **params)
        return max(traces, key=lambda trace: trace.serial).process(self, args, params)


class Trace:
    def __init__(self):
        self.serial, self.numbers, self.records = next(serials), itertools.count(), []

    def split(self, x):
        """The value and the mark of a tracer of this trace; a constant has no mark."""
        ours = isinstance(x, Tracer) and x.trace is self
        return (x.value, x.mark) if ours else (x, None)


# 2. Tracers -------------------------------------------------------- funcgrad/core/ndarray_mixin.py
# NumPy asks its arguments first: `np.sin(x)` calls `x.__array_ufunc__`, and `np.sum(x)` calls
# `x.__array_function__`, where they exist; a mixin of NumPy turns `x + y` into `np.add(x, y)`. So
# plain NumPy code works unchanged, and we look up the primitive. Unsupported functions raise: a
# derivative lost in silence would be a wrong number.


class Tracer(np.lib.mixins.NDArrayOperatorsMixin):
    """A value under a transform, with the mark of its trace."""

    def __init__(self, trace, value, mark):
        self.trace, self.value, self.mark = trace, value, mark

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        if method != "__call__" or kwargs or ufunc not in overrides:
            raise TypeError(f"numpy.{ufunc.__name__}, called in this way, has no rule here")
        return overrides[ufunc](*args)

    def __array_function__(self, function, types, args, kwargs):
        if function not in overrides:
            raise TypeError(f"numpy.{function.__name__} has no rule here")
        return overrides[function](*args, **kwargs)

    def _refuse(self, *args, **kwargs):
        raise TypeError("a traced value cannot become plain data: its derivative would be lost")

    __bool__ = __float__ = __int__ = __array__ = _refuse
    shape = property(lambda self: shape_of(self.value))
    dtype = property(lambda self: dtype_of(self.value))
    T = property(lambda self: transpose.bind(self))


shape_of = lambda x: getattr(x, "shape", ())  # a Python scalar has neither
dtype_of = lambda x: getattr(x, "dtype", np.dtype(float))
fit = lambda prim, x, to: x if shape_of(x) == shape_of(to) else prim.bind(x, shape=shape_of(to))

# 3. The rules ----------------------------------- funcgrad/ops/elementwise.py, structure.py
# The derivative of a function at a point is a linear map. Forward mode applies it to a tangent,
# reverse mode applies its transpose to a cotangent. The map of an elementwise function is diagonal,
# hence its own transpose, and one lambda serves both modes. Broadcasting is linear too: its
# transpose is a sum, and the transpose of a sum is broadcasting. The rules are plain NumPy code
# that accepts tracers, so derivatives have derivatives.


class Elementwise(Primitive):
    """A ufunc y = f(*xs), with a map (t, y, *xs) -> t' for each operand."""

    jvp = vjp = lambda self, i, t, y, xs: self.rules[i](t, y, *xs)


class Multilinear(Primitive):
    """Linear in each operand, hence its own jvp; with a transpose (ct, *xs) -> ct' for each."""

    def jvp(self, i, t, y, xs, **params):
        return self.bind(*xs[:i], t, *xs[i + 1 :], **params)

    def vjp(self, i, ct, y, xs, **params):
        return self.rules[i](ct, *xs)


def run_sum_to(x, shape):
    padded = (1,) * (np.ndim(x) - len(shape)) + shape
    return np.sum(x, axis=tuple(d for d, n in enumerate(padded) if n == 1)).reshape(shape)


# fmt: off
Elementwise("add", np.add,      lambda t, y, a, b: t,     lambda t, y, a, b: t)
Elementwise("sub", np.subtract, lambda t, y, a, b: t,     lambda t, y, a, b: -t)
Elementwise("mul", np.multiply, lambda t, y, a, b: t * b, lambda t, y, a, b: a * t)
Elementwise("div", np.divide,   lambda t, y, a, b: t / b, lambda t, y, a, b: -t * y / b)
Elementwise("neg", np.negative, lambda t, y, x: -t)
Elementwise("exp", np.exp,      lambda t, y, x: t * y)
Elementwise("log", np.log,      lambda t, y, x: t / x)
Elementwise("sin", np.sin,      lambda t, y, x: t * np.cos(x))
Elementwise("cos", np.cos,      lambda t, y, x: -t * np.sin(x))
Elementwise("tanh", np.tanh,    lambda t, y, x: t * (1 - y * y))
Primitive("gt", np.greater), Primitive("lt", np.less)  # results are plain arrays, for `if x > 0`
broadcast = Multilinear("broadcast", np.broadcast_to, lambda ct, x: fit(sum_to, ct, x))
sum_to = Multilinear("sum_to", run_sum_to, lambda ct, x: fit(broadcast, ct, x))
transpose = Multilinear("transpose", np.transpose, lambda ct, x: ct.T)
matmul = Multilinear("matmul", lambda a, b: np.einsum("ij,jk->ik", a, b),  # matrices only
                     lambda ct, a, b: ct @ b.T, lambda ct, a, b: a.T @ ct)
# fmt: on
overrides[np.matmul] = matmul.bind
overrides[np.sum] = lambda x: sum_to.bind(x, shape=())  # without `axis`
overrides[np.mean] = lambda x: np.sum(x) / np.prod(x.shape)

# 4. Forward mode -------------------------------------------------- funcgrad/transforms/forward.py
# The mark is a tangent: the derivative of the value along the input's direction. The operation is
# bound again to the values, one level down, to an older trace or to NumPy.


class Forward(Trace):
    def process(self, prim, args, params):
        xs, tangents = zip(*map(self.split, args), strict=True)
        y = prim.bind(*xs, **params)
        if not prim.rules:
            return y
        ts = [prim.jvp(i, t, y, xs, **params) for i, t in enumerate(tangents) if t is not None]
        return Tracer(self, y, fit(broadcast, sum(ts[1:], ts[0]), y))


def jvp(fun, x, t):
    """jvp : (a -> b) -> (a, T a) -> (b, T b), where None is a tangent of zero"""
    trace = Forward()
    return trace.split(fun(Tracer(trace, x, t)))


wave = lambda x: x * np.sin(x)
# Newton's method for the square root: a plain recursion, and a plain `if` on a traced value
root = lambda a, y=1.0: y if -1e-12 < y * y - a < 1e-12 else root(a, (y + a / y) / 2)

show("forward   d/dx x sin(x) at 1", jvp(wave, 1.0, 1.0)[1], np.sin(1) + np.cos(1))
show("forward   d/da root(a) at 2", jvp(root, 2.0, 1.0)[1], 8**-0.5)

# 5. Reverse mode -------------------------------------------------- funcgrad/transforms/reverse.py
# A loss has one output and many inputs: forward mode would need one run per input. Instead run
# once, and record operations and values on a tape. Then compute for each value, from the last to
# the first, the derivative of the loss: its cotangent. The mark is an index on the tape.


class Tape(Trace):
    def process(self, prim, args, params):
        xs, numbers = zip(*map(self.split, args), strict=True)
        y = prim.bind(*xs, **params)
        if not prim.rules:
            return y
        number = next(self.numbers)
        self.records.append((prim, numbers, number, xs, y, params))
        return Tracer(self, y, number)


def backward(records, cts):
    """Replace the cotangent of each output by those of the inputs, in reverse order."""
    for prim, numbers, out, xs, y, params in reversed(records):
        ct = cts.pop(out, None)
        for i, number in enumerate(numbers):
            if ct is not None and number is not None:
                term = fit(sum_to, prim.vjp(i, ct, y, xs, **params), xs[i])
                cts[number] = cts[number] + term if number in cts else term  # a sum over all uses


def tree_map(fun, tree, *rest):  # over the leaves of dicts with one structure
    if not isinstance(tree, dict):
        return fun(tree, *rest)
    return {key: tree_map(fun, tree[key], *(other[key] for other in rest)) for key in tree}


def grad(fun):
    """grad : (a -> R) -> a -> CT a"""

    def gradient(params, *args):
        tape = Tape()
        inputs = tree_map(lambda x: Tracer(tape, x, next(tape.numbers)), params)
        y, number = tape.split(fun(inputs, *args))
        if shape_of(y):
            raise TypeError(f"grad: the output must be a scalar: got shape {shape_of(y)}")
        cts = {number: np.ones((), dtype_of(y))}
        backward(tape.records, cts)
        return tree_map(lambda x: cts.get(x.mark, np.zeros(x.shape, x.dtype)), inputs)

    return gradient


# Nesting needs no further code. The values one level down may be tracers of an older trace: grad of
# grad is a tape whose backward pass is recorded on an older tape. The last line tests
# "perturbation confusion": d/dx (x * d/dy (x + y)) = d/dx (x * 1) = 1, but mixing the tangents of
# x and y gives 2. The serial numbers separate them.

trap = lambda x: x * jvp(lambda y: x + y, 1.0, 1.0)[1]
show("reverse   d/da root(a) at 2", grad(root)(2.0), 8**-0.5)
show("nested    third derivative of sin at 1", grad(grad(grad(np.sin)))(1.0), -np.cos(1))
show("nested    d/dx (x * d/dy (x + y)) at 5", grad(trap)(5.0), 1.0)

# 6. Staging -------------------------- funcgrad/transforms/staging.py, core/jaxpr.py, core/show.py
# If operations are recorded without being run, the record is a program, a jaxpr. It can be printed
# and compiled. A call binds each equation again, so it can be traced too.

Var = namedtuple("Var", "name shape dtype")  # an abstract value
Eqn = namedtuple("Eqn", "out prim ins params")
word = lambda x: getattr(x, "name", f"array{x.shape}" if shape_of(x) else str(x))
typed = lambda v: f"{v.name}:f{8 * v.dtype.itemsize}[{','.join(map(str, v.shape))}]"


class Jaxpr(namedtuple("Jaxpr", "invar eqns outvar")):
    def __call__(self, x):
        env = {self.invar: x}
        read = lambda a: env[a] if isinstance(a, Var) else a
        for out, prim, ins, params in self.eqns:
            env[out] = prim.bind(*map(read, ins), **params)
        return read(self.outvar)

    def __str__(self):
        lines = [f"{{ lambda ; {typed(self.invar)}. let"]
        for out, prim, ins, params in self.eqns:
            lines.append(f"    {typed(out)} = {prim.name}{params or ''} {' '.join(map(word, ins))}")
        return "\n".join([*lines, f"  in ({word(self.outvar)},) }}"])


class Staging(Trace):
    def input(self, like):
        name = chr(ord("a") + next(self.numbers))  # enough for 26 variables
        return Tracer(self, Var(name, shape_of(like), dtype_of(like)), mark=None)

    def process(self, prim, args, params):
        ins = tuple(self.split(x)[0] for x in args)
        samples = [a if isinstance(a, int | float) else np.ones(a.shape, a.dtype) for a in ins]
        out = self.input(prim.run(*samples, **params))  # the shape, found by a trial run
        self.records.append(Eqn(out.value, prim, ins, params))
        return out


def make_jaxpr(fun, like):
    """make_jaxpr : (a -> b) -> a -> Jaxpr"""
    trace = Staging()
    x = trace.input(like)
    return Jaxpr(x.value, trace.records, trace.split(fun(x))[0])


program = make_jaxpr(grad(wave), 1.0)
print(f"staged    the gradient of x sin(x) as a program:\n{program}")
show("staged    that program, called with 1", program(1.0), np.sin(1) + np.cos(1))
show("staged    that program, differentiated at 1", grad(program)(1.0), 2 * np.cos(1) - np.sin(1))

# 7. Learning ------------------------------------------------------------------ examples/digits.py
# A model is a dict of arrays, its loss is a function in plain NumPy, and training is a loop. Here a
# network of 16 units learns to separate an inner ring of points from an outer one.

model = lambda p, x: np.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
loss = lambda p, x, label: np.mean(np.log(1 + np.exp((1 - 2 * label) * model(p, x))))

rng = np.random.default_rng(0)
angle, label = rng.uniform(0, 2 * np.pi, (200, 1)), np.repeat([[0.0], [1.0]], 100, axis=0)
x = (1 + label) * np.hstack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.1, (200, 2))
params = {"w1": rng.normal(size=(2, 16)), "b1": np.zeros(16), "w2": np.zeros((16, 1)), "b2": 0.0}

for step in range(401):
    params = tree_map(lambda p, g: p - 0.5 * g, params, grad(loss)(params, x, label))
    if step % 100 == 0:
        print(f"learning  loss at step {step:3d}{loss(params, x, label):46.6f}")
show("learning  accuracy at the end", np.mean((model(params, x) > 0) == label), 1.0)
