"""Indices and views: expressions that share memory with an array, and some that copy it."""

import numpy as np

from .scope import RejectedError, Scope


def axis_index(g: Scope, n: int, keeps: bool) -> str:
    """An integer or a slice of an axis of n elements."""
    form = g.rng.random()
    if form < 0.4 and n and not keeps:
        counters = [name for name, stop in g.counters.items() if stop <= n]
        if counters and g.chance(0.6):
            return str(g.choice(counters)) if g.chance(0.8) else f"-1 - {g.choice(counters)}"
        return str(int(g.rng.integers(-n, n)))
    if form < 0.5:
        return ":"
    if form < 0.6:
        return "::-1"
    low = int(g.rng.integers(0, n + 1)) if n else 0
    high = int(g.rng.integers(low, n + 1))
    step = g.choice(["", "", "", ":2", ":-1", ":-2"])
    if step.startswith(":-"):
        low, high = high - 1, low - 1
        return f"{max(low, 0)}:{high if high >= 0 else ''}{step}"
    return g.choice([f"{low}:{high}{step}", f"{low}:{step}", f":{high}{step}", f"{low - n}:{step}"])


def basic_index(g: Scope, x: np.ndarray, keeps: bool = False) -> str:
    """An index of slices, integers, new axes and an ellipsis."""
    count = int(g.rng.integers(0 if g.chance(0.1) else min(1, x.ndim), x.ndim + 1))
    entries = [axis_index(g, n, keeps) for n in x.shape[:count]]
    if count < x.ndim and g.chance(0.2):  # of the last axes
        entries = ["...", *(axis_index(g, n, keeps) for n in x.shape[x.ndim - count :])]
    elif g.chance(0.15):
        entries.append("...")
    if g.chance(0.05):
        entries.insert(int(g.rng.integers(len(entries) + 1)), "None")
    return ", ".join(entries) or g.choice(["...", "()"])


def fancy_index(g: Scope, x: np.ndarray, reads: bool = False) -> str:
    """An index with an array of integers, or a mask."""
    if not x.ndim or not x.size:
        raise RejectedError
    form = g.rng.random()
    n = x.shape[0]
    if form < 0.45:
        entries = [index_array(g, n, None)]
        if x.ndim > 1 and g.chance(0.5):
            second = x.shape[1]
            entries.append(
                index_array(g, second, 2) if g.chance(0.5) else axis_index(g, second, False)
            )
            if "[" in entries[1] and len(eval(entries[0])) != 2:
                raise RejectedError
            if g.chance(0.3):
                entries.reverse()
        return ", ".join(entries)
    if form < 0.6 and x.ndim == 1:
        name = g.pick(lambda y: y.shape == x.shape and y.dtype.kind == "f")
        if name is not None:
            return f"np.argsort({name})"
    if form < 0.75:
        mask = np.asarray(g.rng.random(x.shape[: int(g.rng.integers(1, x.ndim + 1))]) < 0.5)
        return f"np.array({mask.tolist()})"
    name = g.pick(lambda y: y.shape == x.shape and y.dtype.kind == "f")
    if name is None or not x.ndim or (reads and g.abstract):
        raise RejectedError
    return f"{name} {g.choice('<>')} {g.choice(['0.1137', '-0.2291', '0.4183'])}"


def index_array(g: Scope, n: int, count: int | None) -> str:
    if not n:
        raise RejectedError
    count = int(g.rng.integers(1, 4)) if count is None else count
    if g.chance(0.5) and count <= n:  # without duplicates
        return str([int(i) for i in g.rng.permutation(n)[:count]])
    return str([int(i) for i in g.rng.integers(-n, n, count)])


def shapes_of(size: int) -> list[tuple[int, ...]]:
    pairs = [(a, size // a) for a in range(1, size + 1) if size % a == 0]
    return [(size,), *pairs, *((a, 1, b) for a, b in pairs[:2]), (2, -1), (-1, 2)]


def view(g: Scope, text: str, x: np.ndarray, depth: int = 0) -> str:
    """An expression of ``text``, most often a view of it."""
    options = [f"{text}[{basic_index(g, x)}]"] * 5
    options += [f"{text}.reshape({g.choice(shapes_of(x.size))})"] * 2 if x.size else []
    options += [f"{text}.ravel()", f"{text}.reshape(-1)", f"{text}[...]", f"np.squeeze({text})"]
    options += [f"np.atleast_1d({text})", f"np.atleast_2d({text})", f"{text}.conj()"]
    options += [f"np.expand_dims({text}, {int(g.rng.integers(x.ndim + 1))})", f"{text}.real"]
    options += [f"{text}.astype('{x.dtype}', copy=False)"]
    if x.ndim:
        options += [f"np.flip({text})", f"{text}[::-1]", f"np.flip({text}, 0)", f"{text}.squeeze()"]
    if x.ndim >= 2:
        axes = tuple(int(d) for d in g.rng.permutation(x.ndim))
        options += [f"{text}.T"] * 3 + [f"np.transpose({text}, {axes})", f"{text}.mT"]
        options += [f"np.swapaxes({text}, 0, -1)", f"np.moveaxis({text}, 0, -1)"]
        options += [f"np.rot90({text})", f"np.fliplr({text})", f"{text}.swapaxes(0, 1)"]
        options += [f"{text}.reshape(-1, order='F')", f"{text}.ravel(order='F')"]
        options += [f"{text}.T.ravel()", f"{text}.T.reshape(-1)", f"np.rollaxis({text}, 1)"]
        options += [f"np.diagonal({text})", f"{text}.diagonal({int(g.rng.integers(-1, 2))})"]
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        options += [f"np.einsum('ii->i', {text})", f"np.diag({text})"]
    if x.dtype.kind == "c":
        options += [f"{text}.real", f"{text}.imag", f"np.real({text})", f"np.imag({text})"] * 2
    if g.chance(0.05) and x.flags.c_contiguous:  # else NumPy's order of results is another story
        return f"np.broadcast_to({text}, {(2, *x.shape)})"
    chosen = g.choice(options)
    if depth or not g.chance(0.3):
        return chosen
    y = g.value_of(chosen)
    return view(g, chosen, y, 1) if isinstance(y, np.ndarray) else chosen


def copy(g: Scope, text: str, x: np.ndarray) -> str:
    """An expression of the elements of an array that shares no memory with it."""
    options = [f"{text}.copy()", f"np.copy({text})", f"{text}.flatten()"]
    options += [f"1.0 * {text}", f"+{text}", f"np.sin({text})", f"np.conj({text})"]
    options += [f"{text} + 0.0", f"np.tile({text}, 1)", f"{text}.astype('{x.dtype}')"]
    if x.ndim:
        options += [f"np.sort({text})", f"np.cumsum({text})", f"np.roll({text}, 1)"]
        options += [f"np.concatenate([{text}, {text}])", f"np.stack([{text}])"]
        options += [f"np.where(np.arange({x.shape[-1]}) > 0, {text}, 0.5)"]
        options += [f"{text}[{fancy_index(g, x, True)}]", f"np.take({text}, [0, -1])"]
    if x.ndim >= 2:
        options += [f"np.sin({text}.T).ravel()", f"np.sin({text}.T).T.ravel()", f"+{text}.T"]
        options += [f"np.sin({text}.T).reshape(-1)", f"{text}.T.copy().reshape(-1)"]
        options += [f"np.copy({text}.T).T.ravel()", f"np.exp(-({text}.T) ** 2).T.reshape(-1)"]
        options += [f"np.tril({text})", f"({text}.T + {text}.T).T.ravel()"]
        options += [ordered(g, text, x) for _ in range(20)]
    return g.choice(options)


ORDERED = [
    "np.concatenate([{0}, {0}], {1})", "np.stack([{0}, 0.5 * {0}], {1})", "np.sum({0}, {1})",
    "np.mean({0}, {1}, keepdims=True)", "np.cumsum({0}, {1})", "np.take({0}, [0, -1], {1})",
    "np.roll({0}, 1, {1})", "np.repeat({0}, 2, {1})", "np.sort({0}, {1})", "+{0}[[0, -1]]",
    "np.where({0} > 0.1, {0}, 0.5)", "np.tile({0}, 2)", "np.diff({0}, 1, {1})", "{0}.copy()",
    "np.zeros_like({0}) + 0.5 * {0}", "np.flip({0}, {1}) + 1.0", "{0}[:, [0, -1]]", "np.copy({0})",
    "{0}.astype({0}.dtype)", "np.max({0}, {1})", "np.select([{0} > 0.1], [{0}], 0.5)",
    "np.take_along_axis({0}, np.argsort({0}, {1}), {1})",
]  # fmt: skip


def ordered(g: Scope, text: str, x: np.ndarray) -> str:
    """A result whose order in memory NumPy takes from that of a transpose."""
    turned = g.choice([f"{text}.T", f"np.swapaxes({text}, 0, 1)", f"np.moveaxis({text}, 0, -1)"])
    return str(g.choice(ORDERED)).format(turned, int(g.rng.integers(x.ndim)))
