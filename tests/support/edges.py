"""Programs at the edges of an engine: dtypes, special values, empty arrays, indices, outputs.

An engine gives NumPy's numbers and dtypes, or refuses a program by words that name the operation.
"""

import numpy as np

import funcgrad as fg

RNG = np.random.default_rng(5)
single = lambda *shape: RNG.normal(size=shape).astype("f4")
NAN, INF = np.nan, np.inf
LEFT = np.float32([NAN, INF, -INF, 0.0, 1.5, -2.5, 0.5, 1e-3, INF, -7.0, 1e30, 3.0, -2.0])
RIGHT = np.float32([1.0, -1.0, 2.0, 3.0, NAN, 2.0, -2.0, INF, -INF, 2.0, 1e30, -INF, 0.0])
GRID = np.float32([[INF, NAN, 1], [NAN, NAN, 2], [1, 2, NAN], [1, 3, 3], [-INF, NAN, -INF]])
ROWS, SQUARE = single(5, 4), single(4, 4)
WIDE = np.sin(np.arange(60_000.0)).astype("f4").reshape(4, -1)
STEP = lambda c, row: (np.tanh(c + row), c * 2)


TWO = """
    add multiply divide floor_divide remainder fmod maximum minimum fmax arctan2 hypot copysign
    logaddexp less equal greater_equal heaviside
"""
ONE = """
    sign floor trunc rint sqrt cbrt exp log log1p expm1 sin tanh arctan isnan isinf isfinite exp2
    log2 sinh arcsinh reciprocal
"""
DTYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16"


def of_dtype(dtype):
    """The arguments and the programs of one dtype."""
    x = np.array([[0, 1, 2], [3, 1, 0]]).astype(dtype)
    programs = {
        "arithmetic": lambda x: (x + x, x * x, x.sum(0), x.prod(), x == x[0]),
        "promotion": lambda x: (x + 2, x * 1.5, x / 2, x + np.float32(1), x + np.int8(3)),
        "choice": lambda x: (np.where(x > 1, x, x[::-1]), x[:, [2, -1]], np.concatenate([x, x])),
    }
    if x.dtype != "u8":
        programs["order"] = lambda x: (
            np.maximum(x, x[::-1]),
            x.max(0),
            np.sort(x, -1),
            np.argmax(x, 0),
            np.cumsum(x, 1),
        )
    if x.dtype.kind in "iu" and x.dtype != "u8":
        programs["integers"] = lambda x: (x // 2, x % 2, x**2, -x, abs(x), np.sign(x), x & 1, ~x)
    return {f"{name} of {dtype}": (program, x) for name, program in programs.items()}


def of_elements():
    """The programs of functions of two elements, and of one, at special values."""
    found = {name: (getattr(np, name), LEFT, RIGHT) for name in TWO.split()}
    return found | {name: (getattr(np, name), LEFT) for name in ONE.split()}


# name -> function, arguments
FIXED = {
    **{k: v for d in DTYPES.split() for k, v in of_dtype(d).items()},
    **of_elements(),
    "integer division": (
        lambda x, y: (x // y, x % y, np.fmod(x, y), x // -3, x % -3, x // -1),
        np.int32([-7, 7, -7, 7, 0, -8, 5]),
        np.int32([2, -2, -2, 0, 0, -1, 3]),
    ),
    "the least integer": (
        lambda x, y: (x // y, x % y, x // 3, x * x, x - 2),
        np.int8([-128, -128, 127]),
        np.int8([-1, 3, -1]),
    ),
    "extrema with nan": (
        lambda x: (
            x.max(1),
            x.min(0),
            np.argmax(x, 1),
            np.argmin(x, 1),
            np.argsort(x, 1, kind="stable"),
        ),
        GRID,
    ),
    "ties": (
        lambda x: (np.argsort(x, kind="stable"), np.argmax(x), np.argmin(x), fg.lax.top_k(x, 3)),
        np.float32([1, 0, 1, 0, 1, 0, 0, 1] * 4),
    ),
    "rounding": (
        lambda x: (np.round(x), np.rint(x)),
        np.float32([0.5, 1.5, 2.5, -0.5, -1.5, 0.25]),
    ),
    "rounding of integers": (
        lambda x: (np.floor(x), np.ceil(x), np.trunc(x), np.rint(x)),
        np.array([3, -4]),
    ),
    "small numbers": (
        lambda x: (np.expm1(x), np.log1p(x)),
        np.float32([1e-8, -1e-8, 0.49, 0.5, 3, 20, 80]),
    ),
    "casts": (
        lambda x: (x.astype("i4"), x.astype("i1"), x.astype(bool), x.astype("u1")),
        np.float32([0.0, 1.9, -0.0, 100.5, 0.5]),
    ),
    "truths": (
        lambda a, b: (
            a & b,
            a ^ b,
            ~a,
            a + b,
            a * b,
            a.sum(),
            a < b,
            a.mean(),
            np.maximum(a, b),
            a @ b,
        ),
        np.array([True, False, True]),
        np.array([True, True, False]),
    ),
    **{
        f"empty {shape}": (
            lambda x: (
                x + 1,
                x.sum(0),
                x.prod(),
                np.concatenate([x, x]),
                x.T,
                np.sort(x, -1),
                x[..., ::-1],
                np.any(x),
                np.all(x),
                x @ np.swapaxes(x, -1, -2),
            ),
            np.zeros(shape, "f4"),
        )
        for shape in ((0, 3), (3, 0), (2, 0, 0))
    },
    "no axes": (
        lambda x: (x + 1, x.sum(), x[None], x[()], x.T, np.broadcast_to(x, (2, 2))),
        np.array(np.float32(1.5)),
    ),
    "scalars": (lambda a, b, x: (x * a, x + b, a + b, b // 2, x**b), 2.5, 3, single(3)),
    "norms": (
        lambda x: (np.linalg.norm(x), np.linalg.norm(x, axis=1), np.linalg.norm(0 * x)),
        ROWS,
    ),
    "backwards": (
        lambda x: (x[::-1], x[::-2, ::-3], x[3:0:-2], x[-1:-4:-1], x[::-1, None, 1], x[10:]),
        ROWS,
    ),
    "gathers": (
        lambda x, i: (
            x[i],
            x[:, i % 4],
            x[i, 0],
            np.take_along_axis(x[:4], i[:, None] % 4, 1),
            x[i, i % 4],
        ),
        ROWS,
        np.array([-1, -5, 0, 4]),
    ),
    "gathers of rank 2": (
        lambda x, i: (x[i], x[i, :, None], x[1, i % 4]),
        ROWS,
        np.array([[1, 2], [0, -1]]),
    ),
    "a gather by one number": (lambda x, i: (x[i], x[:, i], x[i, i]), ROWS, np.array(-2)),
    "indices of no elements": (lambda x, i: (x[i], x[i, :0]), ROWS, np.zeros(0, int)),
    "a window that is moved inside": (
        lambda x, i: fg.lax.dynamic_slice(x, (i, 0), (2, 3)),
        ROWS,
        np.array(4),
    ),
    "a constant mask": (lambda x: x[np.array([True, False, True, True, False])], ROWS),
    "a traced mask": (lambda x: x[x > 0], ROWS),
    "writes": (
        lambda x: (fg.at(x)[::-1].set(x), fg.at(x)[1:3].multiply(2), fg.at(x)[[0, 0, -1]].add(1)),
        ROWS,
    ),
    "a diagonal of a stack": (lambda x: np.einsum("bii->bi", x), single(2, 3, 3)),
    "arrays in the middle": (
        lambda x, i: (x[:, i, i], x[i, :, i]),
        single(3, 3, 3),
        np.array([0, 2]),
    ),
    "windows that end early": (
        lambda x, w: fg.lax.conv_general_dilated(x, w, (2,), "VALID"),
        single(2, 3, 8),
        single(6, 3, 3),
    ),
    "padding": (lambda x: (np.pad(x, 1, mode="edge"), np.pad(x, ((1, 0), (0, 2)))), ROWS),
    "sums at indices": (
        lambda x, i: (fg.at(x)[i].add(1), fg.at(x)[:, i].add(x[:, i]), fg.at(x)[i, i].add(2)),
        SQUARE,
        np.array([0, 0, -1]),
    ),
    "writes at indices": (lambda x, i: fg.at(x)[i].set(1), ROWS, np.array([0, 0, -1])),
    "scan": (
        lambda x: (fg.lax.scan(STEP, x[0], x), fg.lax.scan(STEP, x[0], x, reverse=True)),
        ROWS,
    ),
    "a scan of no steps": (
        lambda x: fg.lax.scan(STEP, np.zeros(3, "f4"), x),
        np.zeros((0, 3), "f4"),
    ),
    "a scan of trees": (
        lambda p: fg.lax.scan(
            lambda c, r: ({"a": c["a"] + r["y"], "b": r["x"].sum()}, c["b"]),
            {"a": p["y"][0], "b": np.float32(0)},
            p,
        ),
        {"x": single(4, 2), "y": single(4)},
    ),
    "branches": (
        lambda x: fg.lax.cond(x[0, 0] > 0, lambda x: (x, x, 1), lambda x: (-x, x, 2), x),
        ROWS,
    ),
    "a switch out of range": (
        lambda i, x: (
            fg.lax.switch(i, [np.sin, np.cos, np.tanh], x),
            fg.lax.switch(-i, [np.sin, np.cos], x),
        ),
        np.array(7),
        ROWS,
    ),
    "a loop that never runs": (
        lambda x: fg.lax.while_loop(lambda s: s.sum() > 1e9, lambda s: s * 2, x),
        ROWS,
    ),
    "loops in a branch": (
        lambda x: fg.lax.cond(
            x.sum() < 100,
            lambda x: fg.lax.scan(
                lambda c, r: (
                    fg.lax.while_loop(lambda s: np.abs(s).max() > 0.5, lambda s: s / 2, c + r),
                    c,
                ),
                x[0],
                x,
            ),
            lambda x: (x[0], x),
            x,
        ),
        5 * ROWS,
    ),
    "a traced number of steps": (
        lambda n, x: fg.lax.fori_loop(0, n, lambda i, s: s + x * i, x),
        np.array(4),
        ROWS,
    ),
    "constants": (
        lambda x: (x @ WIDE, x @ SQUARE + np.arange(4), x + np.eye(5, 4, dtype="f4")),
        ROWS,
    ),
    "dicts": (
        lambda p: {"b": p["w"] @ p["x"], "a": [p["w"], (p["x"],)], "n": None},
        {"w": SQUARE, "x": ROWS.T},
    ),
    "the same output twice": (lambda x: (lambda y: (y, y))(np.sin(x)), ROWS),
    "inputs as outputs": (lambda x, y: (x, y, x), ROWS, SQUARE),
    "constants as outputs": (lambda x: (x + 1, np.arange(3), 2.5, True, 7), ROWS),
    "an input that nothing reads": (lambda x, y: x * 2, ROWS, SQUARE),
    "no inputs": (lambda: (np.arange(3.0) + 1, 2),),
    "names of nodes": (
        lambda v1, v3: fg.lax.scan(lambda c, r: (c + r * v3[0], c), v1[0], v1),
        ROWS[0],
        ROWS[1],
    ),
    "names with signs": (lambda p: p["a b"] + p["ü/:'"], {"a b": ROWS, "ü/:'": ROWS}),
    "complex numbers": (lambda x: (np.abs(x * 1j), np.real(np.exp(1j * x))), ROWS),
    "double precision": (
        lambda x: (x + 1e-12, x / 3, x * np.float32(2), x * 1e300),
        RNG.normal(size=4),
    ),
    "large integers": (lambda x: (x + 2**40, x * 2**33), np.arange(4)),
    "powers": (lambda x: (x**2, x**-1, x**0, x**0.5, x**3, 2**x, x**x), np.float32([1.5, 2, 0.5])),
    "powers of negative numbers": (
        lambda x, n: (x**2, x**3, x**-2, x**n),
        np.float32([-1.5, -2]),
        np.float32([2, 3]),
    ),
    "division by zero": (
        lambda a, b: (a / b, b / a, a // 2.5, a % 2.5),
        np.float32([1, 0, -1]),
        np.float32([0, 0, 2]),
    ),
    "a derivative": (
        lambda x: fg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x**2)))(x),
        np.float32([0, 1, -1]),
    ),
}

# name -> function, axis of the batch, shapes of one example; "" stands for an integer below 3
BATCHED = {
    "mean": (lambda x: (x - x.mean(0), x / x.mean(), x.mean()), 0, (3,)),
    "deviations": (lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3), 0, (3,)),
    "loss": (lambda x, y: np.mean((x - y) ** 2), 0, (3,), (3,)),
    "length": (lambda x: (x.sum(0) / len(x), x * len(x), x * x.size), 0, (3,)),
    "length as output": (lambda x: (x * 1, len(x), np.float32(len(x))), 0, (3,)),
    "concatenation": (
        lambda x, y: (np.concatenate([x, y]), np.concatenate([x, np.ones((2, 3), "f4")])),
        0,
        (3,),
        (3,),
    ),
    "batch and features": (
        lambda x: (x.reshape(-1), x.reshape(-1, 2), x.reshape(4, -1), x.T.reshape(-1)),
        0,
        (4,),
    ),
    "heads": (
        lambda x: x.reshape(len(x), 4, 2, 3).transpose(0, 2, 1, 3).reshape(len(x) * 2, -1),
        0,
        (4, 6),
    ),
    "pairs": (lambda x: (x @ x.T, ((x[:, None] - x[None]) ** 2).sum(-1)), 0, (3,)),
    "over the batch": (
        lambda x: (fg.nn.softmax(x, axis=0), np.sort(x, 0), np.argmax(x, 0), np.cumsum(x, 0)),
        0,
        (3,),
    ),
    "rows": (
        lambda x: (x[::-1], x[-1], x[1:], x[-2:], np.roll(x, 1, 0), np.diff(x, axis=0)),
        0,
        (3,),
    ),
    "counts": (
        lambda x: (x + np.arange(len(x))[:, None], np.zeros((len(x), 2), "f4") + x[:, :2]),
        0,
        (3,),
    ),
    "gathers": (lambda x, i: (x[i % 2], np.take_along_axis(x, i[:, None], 1)), 0, (3,), ""),
    "entropy": (lambda x, i: fg.losses.cross_entropy(x, i), 0, (3,), ""),
    "the last axis": (
        lambda x: (x - x.mean(-1, keepdims=True), np.tanh(SQUARE[:, :3] @ x)),
        -1,
        (3,),
    ),
    "steps": (lambda x: fg.lax.scan(lambda c, r: (c + r, c), np.zeros(3, "f4"), x), 0, (3,)),
    "as many steps": (
        lambda x: fg.lax.scan(lambda c, _: (c * 0.5, None), x, None, length=len(x))[0],
        0,
        (3,),
    ),
    "until all are small": (
        lambda x: fg.lax.while_loop(lambda s: np.abs(s).max() > 0.1, lambda s: s / 2, x),
        0,
        (3,),
    ),
    "branches": (
        lambda x: fg.lax.cond(x.mean() > 0, lambda x: np.ones(len(x), "f4"), lambda x: x[:, 0], x),
        0,
        (3,),
    ),
    "padding": (
        lambda x: (np.pad(x, ((0, 0), (1, 2))), np.pad(x, ((1, 1), (0, 0))), fg.at(x)[:, 0].set(0)),
        0,
        (3,),
    ),
    "sums at indices": (lambda x, i: fg.at(np.zeros((3, 3), "f4"))[i].add(x), 0, (3,), ""),
    "constant labels": (
        lambda x: fg.grad(lambda x: fg.losses.cross_entropy(x, np.zeros(len(x), int)))(x),
        0,
        (3,),
    ),
    "gradients": (lambda x: fg.vmap(fg.grad(lambda r: np.sum(r**3)))(x), 0, (3,)),
    "unit vectors": (
        lambda x: (x / np.linalg.norm(x, axis=1, keepdims=True), x / np.linalg.norm(x)),
        0,
        (3,),
    ),
    "a square of the length": (lambda x: x / len(x) ** 2, 0, (3,)),
    "one less than the length": (lambda x: x.std(0, ddof=1), 0, (3,)),
    "half of the batch": (lambda x: x[: len(x) // 2], 0, (3,)),
    "a parity": (lambda x: x * (len(x) % 2), 0, (3,)),
    "a comparison with the length": (lambda x: x * (1.0 if len(x) > 4 else -1.0), 0, (3,)),
    "at most four": (lambda x: x[: min(len(x), 4)], 0, (3,)),
    "at most five": (lambda x: (x[:5], x[:5].sum(0)), 0, (3,)),
    "the last five": (lambda x: x[-5:], 0, (3,)),
    "two rows or more": (lambda x: x * max(len(x), 2), 0, (3,)),
    "less than three": (lambda x: x if len(x) < 3 else -x, 0, (3,)),
    "exactly one": (lambda x: np.tanh(x) if len(x) == 1 else np.sin(x), 0, (3,)),
    "more than six hundred": (lambda x: x * (2.0 if len(x) > 600 else 1.0), 0, (3,)),
    "multiples of four": (lambda x: np.pad(x, ((0, -len(x) % 4), (0, 0))), 0, (3,)),
    "the second row": (lambda x: x - x[1], 0, (3,)),
    "an extremum of no rows": (lambda x: np.diff(x, axis=0).max(0), 0, (3,)),
    "one step less": (lambda x: fg.lax.fori_loop(0, len(x) - 1, lambda i, s: s / 2, x[0]), 0, (3,)),
    "batches of even length": (lambda x: x.reshape(-1, 6), 0, (3,)),
    "the identity": (lambda x: np.eye(len(x), dtype="f4") @ x, 0, (3,)),
}


def batch(name, n):
    """Arguments of n examples."""
    _, axis, *shapes = BATCHED[name]
    rng = np.random.default_rng(n)
    draw = lambda s: (
        rng.integers(0, 3, n) if s == "" else np.moveaxis(rng.normal(size=(n, *s)), 0, axis)
    )
    return tuple(x if x.dtype.kind == "i" else x.astype("f4") for x in map(draw, shapes))
