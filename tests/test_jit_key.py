"""The key of a compiled call: the generated entry accepts exactly the calls with an equal key."""

import enum
import itertools
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.static import typed
from funcgrad.core.tree_code import MISS, Static
from funcgrad.transforms.jit.key import ArgSpec
from funcgrad.transforms.jit.placement import Placement
from funcgrad.transforms.jit.signature import entry

Point = namedtuple("Point", "x y")
Pair = namedtuple("Pair", "x y")


class One(enum.IntEnum):
    ONE = 1


class Word(str):
    """A subclass of str."""


@fg.tree.register_dataclass
@dataclass
class Layer:
    w: object
    rate: object = field(default=0, metadata={"static": True})
    more: object = field(default=None, metadata={"static": True})


@dataclass(frozen=True)
class Options:
    """Static data."""

    size: object = 1


NAN = float("nan")

# values that are equal to others, or print as others
STATIC = [
    [1, True, 1.0, 1 + 0j, np.float64(1), np.int64(1), np.float32(1), One.ONE, Options(1)],
    [0.0, -0.0, 0, False, np.float64(-0.0), np.float64(0.0), 0j, -0j],
    [NAN, float("nan"), np.float64("nan"), np.float32("nan"), complex(NAN, 0)],
    ["a", Word("a"), np.str_("a"), "b", b"a", None],
    [(), (1,), (True,), (1.0,), (1, 2), ((1, 0.0),), ((1, -0.0),), ((NAN,),), Pair(1, 2)],
    [frozenset({1}), frozenset({1.0}), frozenset({2}), frozenset(), (frozenset({1}),)],
    [Options(1), Options(1.0), Options((0.0,)), Options((-0.0,)), (Options(1),), Options("a")],
    [np.tanh, np.sin, len, int, float],
    [tuple(range(40)), tuple(map(float, range(40))), (*range(39), 39.0), (((((1,),),),),)],
]
LEAVES = [
    [1, 1.0, True, 1j, np.float64(1), np.float32(1), np.int64(1), np.bool_(True), np.array(1.0)],
    [np.ones(2), np.ones(3), np.ones((2, 1)), np.ones(2, "f4"), np.ones(2, int), np.ones(2, ">f8")],
    [np.ones((3, 3))[::2], np.ones((2, 3)), np.ones((3, 2)).T, np.ones((0,)), np.ones((0, 2))],
    ["a", Word("a"), "b", np.tanh, np.sin, (), None, [], {}],
]
KEYS = [["a", Word("a")], ["b", "c"], [1, True, 1.0, One.ONE], [0.0, -0.0], [(1, 2), (1.0, 2)]]


def tree_of(pick, depth=2):
    """A tree whose choices are made by a function."""
    kind = pick(
        ["leaf", "tuple", "list", "dict", "ordered", "default", "named", "layer", "partial"]
    )
    if kind == "leaf" or depth == 0:
        return pick(pick(LEAVES))
    parts = [tree_of(pick, depth - 1) for _ in range(pick([1, 2]))]
    if kind in ("tuple", "list"):
        return tuple(parts) if kind == "tuple" else parts
    if kind == "named":
        return pick([Point, Pair])(parts[0], parts[-1])
    if kind == "layer":
        return Layer(parts[0], pick(pick(STATIC)), pick([None, pick(STATIC[0])]))
    if kind == "partial":
        return fg.tree.Partial(pick([np.sin, np.cos]), *parts)
    start = pick(range(len(KEYS)))
    named = {pick(KEYS[(start + i) % len(KEYS)]): part for i, part in enumerate(parts)}
    named = dict(reversed(named.items())) if pick([False, True]) else named
    if kind == "default":
        return defaultdict(pick([list, dict]), named)
    return OrderedDict(named) if kind == "ordered" else named


def call_of(choices):
    """The arguments of a call, of which ``by`` and ``more`` are static."""
    rest = iter(choices)
    pick = lambda values: values[next(rest) % len(values)]
    kwargs = {"by": pick(pick(STATIC)), pick(["k", Word("k")]): pick(pick(LEAVES))}
    kwargs |= pick([{}, {"more": pick(pick(STATIC))}])
    kwargs = dict(reversed(kwargs.items())) if pick([False, True]) else kwargs
    return tuple([tree_of(pick) for _ in range(pick([1, 2, 3]))]), kwargs


def calls(seed):
    """Calls that differ from the first in one choice."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 1000, 100)
    used = next(n for n in range(100) if _is_enough(first[:n]))
    yield call_of(first)
    yield call_of(first)
    for i in range(used):
        for _ in range(3):
            second = first.copy()
            second[i] = rng.integers(0, 1000)
            yield call_of(second)


def _is_enough(choices):
    try:
        call_of(choices)
    except StopIteration:
        return False
    return True


def entry_of(call):
    """The entry of the program of a call, which gives True."""
    return entry(call.key, lambda *leaves: (True,), (), fg.tree.structure(0))


@pytest.mark.parametrize("seed", range(40))
def test_the_entry_accepts_exactly_the_calls_with_an_equal_key(seed):
    spec = ArgSpec(
        lambda *args, by, **kwargs: 0,
        **dict.fromkeys(["static_argnums", "donate_argnums", "donate_argnames", "memory_limit"]),
        static_argnames=["by", "more"],
        threads=1,
        debug_nans=False,
        backend="numpy",
        **dict.fromkeys(Placement._fields),
    )
    (first, theirs), *others = [(call, spec.flatten(*call)) for call in calls(seed)]
    accepts = entry_of(theirs)
    for call, mine in others:
        want = mine.key == theirs.key

        assert (accepts(*call) is not MISS) == want, (mine.key, theirs.key)
        assert (entry_of(mine)(*first) is not MISS) == want, (mine.key, theirs.key)
        assert not want or hash(mine.key) == hash(theirs.key)


@pytest.mark.parametrize("values", STATIC, ids=lambda values: repr(values[0])[:12])
def test_static_values_are_equal_where_their_types_are(values):
    for a, b in itertools.product(values, values):
        same = typed(a) == typed(b)

        assert (Static(a) == Static(b)) == same
        assert not same or hash(Static(a)) == hash(Static(b))
