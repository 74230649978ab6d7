"""Trees: JAX's rules for what is a node, paths, prefixes, and no recursion at any depth."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import tree
from funcgrad.core.errors import TreeError
from funcgrad.core.nodes import handlers
from funcgrad.ops.operand import holds_tracer

DEPTH = 100_000
Point = namedtuple("Point", ["x", "y"])


class Line(NamedTuple):
    start: Any
    end: Any


class Box:
    def __init__(self, content, label):
        self.content, self.label = content, label

    def __eq__(self, other):
        return (self.content, self.label) == (other.content, other.label)

    __hash__ = None


class Named(Box):
    pass


@dataclass
class Layer:
    weight: Any
    name: str = field(default="", metadata={"static": True})
    bias: Any = None


@dataclass(frozen=True)
class Frozen:
    x: Any

    def __post_init__(self):
        raise AssertionError("a node is rebuilt without calling __init__")


@dataclass(frozen=True)
class Options:
    rate: float


tree.register_node(Box, lambda b: ((b.content,), b.label), lambda label, c: Box(*c, label))
tree.register_node(
    Named,
    lambda b: (b.content, b.label),
    lambda label, c: Named(list(c), label),
    lambda b: ([(tree.GetAttrKey(f"part{i}"), c) for i, c in enumerate(b.content)], b.label),
)
tree.register_dataclass(Layer)
tree.register_dataclass(Frozen, ["x"], [])
tree.register_static(Options)


# what is a node, and in which order its leaves come


ZOO = [
    # tree, its leaves, their paths
    (1, [1], [""]),
    ("text", ["text"], [""]),
    (None, [], []),
    ((), [], []),
    ([], [], []),
    ({}, [], []),
    ([1, (2, [3])], [1, 2, 3], ["[0]", "[1][0]", "[1][1][0]"]),
    ({"b": 1, "a": 2}, [2, 1], ["['a']", "['b']"]),
    ({2: "x", 1: [None, "y"]}, ["y", "x"], ["[1][1]", "[2]"]),
    (OrderedDict([("b", 1), ("a", 2)]), [1, 2], ["['b']", "['a']"]),
    (defaultdict(list, {"b": 1, "a": 2}), [2, 1], ["['a']", "['b']"]),
    (Point(1, (2, 3)), [1, 2, 3], [".x", ".y[0]", ".y[1]"]),
    (Line(start={"k": 1}, end=None), [1], [".start['k']"]),
    ((None, 1, (None, ()), {"a": None}), [1], ["[1]"]),
    ({("a", 1): 1, ("a", 0): 2}, [2, 1], ["[('a', 0)]", "[('a', 1)]"]),
]
OURS = [
    (Box([1, 2], "b"), [1, 2], ["[<flat index 0>][0]", "[<flat index 0>][1]"]),
    (Named([1, 2], "n"), [1, 2], [".part0", ".part1"]),
    (Layer(1, "dense", {"a": 2}), [1, 2], [".weight", ".bias['a']"]),
    (Options(0.5), [], []),
    (tree.Partial(max, 1, key=2), [1, 2], [".args[0]", ".keywords['key']"]),
    ({1: "i", "a": "s", (0,): "t"}, ["i", "s", "t"], ["[1]", "['a']", "[(0,)]"]),
]
zoo = pytest.mark.parametrize(("x", "leaves", "paths"), ZOO + OURS, ids=lambda v: str(v)[:30])


@zoo
def test_leaves_come_in_jaxs_order_each_with_its_path(x, leaves, paths):
    pairs, treedef = tree.flatten_with_path(x)

    assert tree.leaves(x) == [leaf for _, leaf in pairs] == leaves
    assert [tree.keystr(path) for path, _ in pairs] == paths
    assert treedef == tree.structure(x)
    assert tree.leaves_with_path(x) == pairs


@zoo
def test_unflatten_is_the_inverse_of_flatten(x, leaves, paths):
    got = tree.unflatten(*reversed(tree.flatten(x)))

    assert type(got) is type(x) and tree.structure(got) == tree.structure(x)
    assert tree.leaves(got) == leaves
    assert isinstance(x, tree.Partial) or got == x


@zoo
def test_a_structure_is_equal_hashed_and_counted_by_its_nodes(x, leaves, paths):
    treedef = tree.structure(x)
    other = tree.structure(tree.map(lambda leaf: [leaf], x))

    assert treedef == tree.structure(x) and hash(treedef) == hash(tree.structure(x))
    assert treedef.num_leaves == len(leaves) and treedef.num_nodes >= len(leaves)
    assert (treedef == other) == (not leaves)


@pytest.mark.peers
@pytest.mark.parametrize(("x", "leaves", "paths"), ZOO, ids=lambda v: str(v)[:30])
def test_jax_flattens_in_the_same_order(x, leaves, paths):
    jax = pytest.importorskip("jax")
    pairs, treedef = jax.tree.flatten_with_path(x)

    assert [leaf for _, leaf in pairs] == leaves
    assert [jax.tree_util.keystr(path) for path, _ in pairs] == paths
    assert treedef.num_leaves == tree.structure(x).num_leaves


def test_arrays_numbers_and_unknown_objects_are_leaves():
    values = [np.ones(2), np.float32(1), 1j, "s", b"b", {1}, frozenset(), object(), range(3), len]

    assert tree.all_leaves(values)
    assert not tree.all_leaves([1, (2,)]) and not tree.all_leaves([None])
    assert tree.all_leaves([(1,), None], is_leaf=lambda x: True)


def test_a_subclass_of_a_node_is_a_leaf():
    class Mine(list):
        pass

    class Own(dict):
        pass

    class Sub(Box):
        pass

    assert tree.all_leaves([Mine([1]), Own(a=1), Sub(1, "")])


def test_a_subclass_of_a_namedtuple_stays_itself():
    class Mine(Point):
        def norm(self):
            return self.x + self.y

    assert tree.map(lambda v: 2 * v, Mine(1, 2)).norm() == 6


def test_structures_differ_by_type_keys_arity_and_static_data():
    trees = [
        1, None, (), [], {}, (1,), [1], (1, 1), {"a": 1}, {"b": 1}, OrderedDict(a=1),
        defaultdict(list, a=1), defaultdict(int, a=1), Point(1, 1), Line(1, 1), Box(1, "x"),
        Box(1, "y"), Layer(1), Layer(1, "n"), Layer(1, bias=2), Options(1.0), Options(2.0),
        tree.Partial(max), tree.Partial(min), ((1,), 1), (1, (1,)), OrderedDict(a=1, b=1),
        OrderedDict(b=1, a=1),
    ]  # fmt: skip
    treedefs = list(map(tree.structure, trees))

    assert len(set(treedefs)) == len(trees)
    assert treedefs[0] != trees[0] and treedefs[1] is not None


def test_a_structure_prints_with_stars_for_leaves():
    assert (
        repr(tree.structure({"b": [1, None], "a": (2,)}))
        == "PyTreeDef({'b': [*, None], 'a': (*,)})"
    )
    assert repr(tree.structure(Point(1, 2))) == "PyTreeDef(Point(x=*, y=*))"
    assert repr(tree.structure(1)) == "PyTreeDef(*)"


def test_a_structure_knows_the_structures_of_its_children():
    children = tree.structure(([1, 2], None, {"a": 3})).children()

    assert children == [tree.structure([0, 0]), tree.structure(None), tree.structure({"a": 0})]
    assert tree.structure(1).children() == []
    assert tree.structure(()).children() == []


def test_a_defaultdict_keeps_its_factory():
    got = tree.map(lambda v: v + 1, defaultdict(list, {"a": 1}))

    assert got == {"a": 2} and got["new"] == []


def test_keys_of_several_types_are_sorted_by_type_and_text():
    mixed = {"b": 1, 2: 2, None: 3, "a": 4, 10: 5}

    assert tree.leaves(mixed) == [3, 5, 2, 4, 1]
    assert tree.map(lambda v: v, mixed) == mixed
    assert tree.structure(mixed) == tree.structure(dict(reversed(mixed.items())))


def test_leaves_may_be_anything_when_a_tree_is_rebuilt():
    treedef = tree.structure({"b": Layer(1)})
    sentinel = object()

    assert tree.unflatten(treedef, [sentinel])["b"].weight is sentinel
    assert treedef.unflatten(iter(["x"])) == {"b": Layer("x")}


def test_a_dataclass_is_rebuilt_without_its_init():
    frozen = object.__new__(Frozen)
    object.__setattr__(frozen, "x", 1)

    assert tree.map(lambda v: v + 1, frozen).x == 2


def test_unflatten_refuses_the_wrong_number_of_leaves():
    treedef = tree.structure([1, 2])

    for leaves in ([], [1], [1, 2, 3]):
        words = rf"tree\.unflatten: the structure has 2 leaves: got {len(leaves)}"
        with pytest.raises(TreeError, match=words):
            tree.unflatten(treedef, leaves)


# mapping


def test_map_takes_what_stands_below_the_first_trees_leaves():
    got = tree.map(
        lambda x, y, z: (x, y, z), {"a": 1, "b": 2}, {"a": [3], "b": (4, 5)}, {"a": 6, "b": 7}
    )

    assert got == {"a": (1, [3], 6), "b": (2, (4, 5), 7)}


def test_is_leaf_stops_the_descent():
    stop = lambda x: isinstance(x, tuple) or x is None
    x = {"a": (1, 2), "b": [None, (3,)]}

    assert tree.leaves(x, is_leaf=stop) == [(1, 2), None, (3,)]
    assert tree.map(len, {"a": (1, 2), "b": [(3,)]}, is_leaf=stop) == {"a": 2, "b": [1]}
    assert tree.map(lambda x, y: y, x, x, is_leaf=stop) == x
    assert tree.structure(x, is_leaf=lambda x: True) == tree.structure(0)
    assert [tree.keystr(p) for p, _ in tree.leaves_with_path(x, is_leaf=stop)] == [
        "['a']", "['b'][0]", "['b'][1]",
    ]  # fmt: skip


def test_map_with_path_gives_each_leaf_its_path():
    got = tree.map_with_path(
        lambda p, x, y: f"{tree.keystr(p)}{x}{y}", {"w": [1, 2]}, {"w": [3, 4]}
    )

    assert got == {"w": ["['w'][0]13", "['w'][1]24"]}


def test_a_path_prints_with_separators():
    ((path, _),) = tree.leaves_with_path({"a": [Point(x=None, y=Box(1, ""))]})

    assert tree.keystr(path) == "['a'][0].y[<flat index 0>]"
    assert tree.keystr(path, simple=True, separator="/") == "a/0/y/0"
    assert tree.keystr(()) == ""


def test_paths_are_made_of_keys():
    (path, _), *_ = tree.leaves_with_path({"a": [Point(Box(1, ""), 2)]})

    assert path == (
        tree.DictKey("a"),
        tree.SequenceKey(0),
        tree.GetAttrKey("x"),
        tree.FlattenedIndexKey(0),
    )
    assert (path[0].key, path[1].idx, path[2].name, path[3].key) == ("a", 0, "x", 0)


def test_reduce_folds_from_the_left():
    assert tree.reduce(lambda a, b: f"({a}{b})", {"b": 2, "a": [0, 1]}) == "((01)2)"
    assert tree.reduce(lambda a, b: a + b, [1, (2,)], 10) == 13
    assert tree.reduce(max, None, 5) == 5
    for f, value in ((max, []), ({"a": 1.0}, max)):  # without leaves, and exchanged
        with pytest.raises(TypeError, match="f is no function, or the tree has no leaves"):
            tree.reduce(f, value)


def test_all_asks_every_leaf():
    assert tree.all({"a": 1, "b": [True, None]}) and tree.all(None)
    assert not tree.all([1, 0])


def test_transpose_turns_a_tree_of_trees_inside_out():
    rows = [{"a": 1, "b": (2, 3)}, {"a": 4, "b": (5, 6)}]
    outer, inner = tree.structure([0, 0]), tree.structure({"a": 0, "b": (0, 0)})
    want = {"a": [1, 4], "b": ([2, 5], [3, 6])}

    assert tree.transpose(outer, inner, rows) == want
    assert tree.transpose(outer, None, rows) == want
    assert tree.transpose(inner, outer, want) == rows
    assert tree.transpose(tree.structure([]), inner, []) == {"a": [], "b": ([], [])}


def test_transpose_names_the_path_at_which_a_branch_differs():
    with pytest.raises(TreeError, match=r"tree\.transpose: the trees differ at \['a'\]"):
        tree.transpose(tree.structure([0]), tree.structure({"a": [0]}), [{"a": 1}])


# mismatches, by their words


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1], 2, r"tree\.map: the trees differ at the root: expected a list of 1: got a leaf, int"),
        ([1], (2,), "at the root: expected a list of 1: got a tuple of 1; give both the same"),
        ({"w": [1, 2]}, {"w": [1]}, r"at \['w'\]: expected a list of 2: got a list of 1"),
        ({"w": 1}, {"v": 1}, r"expected a dict with keys \['w'\]: got a dict with keys \['v'\]"),
        ([None], [1], r"at \[0\]: expected None: got a leaf, int"),
        ([(1,)], [None], r"at \[0\]: expected a tuple of 1: got None"),
        (Point((1,), 2), Point(1, 2), r"at \.x: expected a tuple of 1: got a leaf, int"),
        (Point(1, 2), (1, 2), "expected a Point of 2: got a tuple of 2"),
        (Point(1, 2), Line(1, 2), "expected a Point of 2: got a Line of 2"),
        (Layer(1, "a"), Layer(1, "b"), "at the root: expected a Layer of 2"),
        ([np.ones(2), (1,)], [1, np.ones((2, 3))], r"at \[1\]: .* got a leaf, ndarray"),
    ],
    ids=str,
)  # fmt: skip
def test_a_mismatch_names_the_path_and_both_sides(first, second, words):
    with pytest.raises(TreeError, match=words):
        tree.map(lambda *xs: 0, first, second)


def test_a_mismatch_of_static_data_shows_it():
    with pytest.raises(TreeError, match=r"'dense'.*'conv'"):
        tree.map(lambda *xs: 0, Layer(1, "dense"), Layer(1, "conv"))


def test_a_mismatch_inside_a_transform_shows_shape_and_dtype():
    def f(x):
        tree.map(lambda *xs: 0, [(1,)], [x])

    with pytest.raises(TreeError, match=r"at \[0\]: expected a tuple of 1: got a leaf, f32\[2\]"):
        fg.grad(f)(np.ones(2, np.float32))


# prefixes


def test_a_prefix_fills_whole_subtrees():
    full = {"a": [1, (2, 3)], "b": 4, "c": None}

    assert tree.broadcast(0, full) == {"a": [0, (0, 0)], "b": 0, "c": None}
    assert tree.broadcast({"a": 5, "b": 6, "c": 7}, full) == {"a": [5, (5, 5)], "b": 6, "c": None}
    assert tree.broadcast({"a": [1, 2], "b": 3, "c": None}, full)["a"] == [1, (2, 2)]


def test_a_prefix_may_hold_none_as_an_entry():
    none = lambda x: x is None

    assert tree.broadcast((None, 1), ([1, 2], 3), is_leaf=none) == ([None, None], 1)
    with pytest.raises(TreeError, match=r"at \[0\]: expected None: got a list of 2"):
        tree.broadcast((None, 1), ([1, 2], 3))


def test_a_prefix_that_goes_deeper_than_the_tree_is_refused():
    with pytest.raises(TreeError, match=r"who: the trees differ at \['a'\]: expected a list of 1"):
        tree.broadcast({"a": [1]}, {"a": 1}, who="who")


# registration


def test_a_class_is_registered_once():
    for register in (
        lambda: tree.register_node(Box, lambda x: ((), None), lambda aux, c: None),
        lambda: tree.register_dataclass(Layer),
        lambda: tree.register_static(Options),
        lambda: tree.register_node(dict, lambda x: ((), None), lambda aux, c: None),
    ):
        with pytest.raises(ValueError, match=r"register_node: \w+ is already registered"):
            register()


@pytest.mark.parametrize(
    ("data", "meta", "drop"), [(["x"], [], ()), (["x", "y", "z"], [], ()), (["x"], [], ("z",))]
)
def test_the_fields_of_a_dataclass_must_be_said_once_each(data, meta, drop):
    @dataclass
    class Pair:
        x: Any
        y: Any

    with pytest.raises(ValueError, match="data_fields and meta_fields of Pair must be its fields"):
        tree.register_dataclass(Pair, data, meta, drop)
    assert Pair not in handlers


def test_fields_may_be_dropped():
    @dataclass
    class Part:
        x: Any
        cache: Any = None

    tree.register_dataclass(Part, ["x"], [], drop_fields=["cache"])

    assert tree.leaves(Part(1, 2)) == [1]
    assert tree.map(lambda v: v, Part(1, 2)).cache is None
    del handlers[Part]


def test_a_plain_class_needs_its_fields_named():
    class Plain:
        def __init__(self, x):
            self.x = x

    with pytest.raises(TypeError, match="Plain is not a dataclass; give its data_fields"):
        tree.register_dataclass(Plain)
    tree.register_dataclass(Plain, ["x"], [])

    assert tree.map(lambda v: v + 1, Plain(1)).x == 2
    del handlers[Plain]


def test_a_dataclass_without_fields_is_a_node_without_children():
    @dataclass
    class Empty:
        pass

    tree.register_dataclass(Empty)

    assert tree.leaves(Empty()) == [] and tree.map(lambda v: v, Empty()) == Empty()
    del handlers[Empty]


def test_partial_is_called_with_its_arguments_and_is_differentiated_through():
    f = tree.Partial(lambda a, b, *, c: a * b + c, 2.0, c=1.0)

    assert f(3.0) == 7.0
    assert fg.grad(lambda f: f(3.0))(f).args == (3.0,)
    assert fg.grad(lambda f: f(3.0))(f).keywords == {"c": 1.0}
    assert tree.Partial(max, 1).func is max


# transforms keep the tree


def test_a_gradient_has_the_tree_of_its_argument():
    x = {
        "w": [np.ones(2), 3.0],
        "p": Point(1.0, None),
        "l": Layer(2.0, "n"),
        "name": "s",
        "o": Options(1.0),
    }
    got = fg.grad(lambda x: (x["w"][0] * x["w"][1]).sum() + x["p"].x * x["l"].weight)(x)

    assert tree.structure(got) == tree.structure(x)
    assert got["l"].weight == 1.0 and got["w"][1] == 2.0
    assert got["name"] == "s" and got["l"].name == "n"


# depth


def deep(leaf):
    x = leaf
    for _ in range(DEPTH):
        x = [x]
    return x


def test_a_tree_100_000_deep_needs_no_recursion():
    x, y = deep(1), deep(2)
    leaves, treedef = tree.flatten(x)
    other = tree.structure(y)

    assert leaves == [1] and treedef.num_nodes == DEPTH + 1
    assert treedef == other and hash(treedef) == hash(other)
    assert tree.leaves(tree.unflatten(treedef, [3])) == [3]
    assert tree.leaves(tree.map(lambda a, b: a + b, x, y)) == [3]
    assert tree.leaves(tree.broadcast(5, x)) == [5]
    assert len(tree.leaves_with_path(x)[0][0]) == DEPTH
    assert treedef.children()[0].num_nodes == DEPTH


def test_a_wide_tree_keeps_its_order():
    x = list(range(DEPTH))

    assert tree.leaves({"a": x, "b": tuple(x)}) == x + x


def test_variables_of_a_class_are_no_fields_of_its_nodes():
    @tree.register_dataclass
    @dataclass
    class Counted:
        count: ClassVar[int] = 3
        x: Any = 0.0

    assert tree.leaves(Counted(2.0)) == [2.0]


# trees that do not end


def loop_of(kind):
    inner = [1.0]
    whole = {"a": 1.0, "b": [inner]} if kind is dict else [1.0, (2.0, inner)]
    inner.append(whole)
    return whole


@pytest.mark.parametrize("whole", [loop_of(list), loop_of(dict)], ids=["list", "dict"])
@pytest.mark.parametrize(
    "use",
    [
        tree.leaves,
        tree.leaves_with_path,
        lambda t: tree.map_with_path(lambda path, x: x, t),
        lambda t: fg.grad(lambda t: 1.0)(t),
        lambda t: fg.jit(lambda t: t)(t),
        lambda t: fg.jit(lambda x: t)(1.0),
        lambda t: fg.vmap(lambda t: t)(t),
        lambda t: fg.lax.scan(lambda c, _: (c, None), t, None, length=2),
        lambda t: fg.optim.adam(0.1).init(t),
        lambda t: fg.ravel_pytree(t),
    ],
    ids=str,
)
def test_a_tree_that_contains_itself_is_refused_and_the_place_named(whole, use):
    with pytest.raises(TreeError, match=r"the (list|dict) at .* contains itself, at .*\[1\]"):
        use(whole)


def test_a_tree_of_the_same_lists_again_and_again_is_refused():
    whole = [1.0]
    for _ in range(60):
        whole = [whole, whole]

    with pytest.raises(TreeError, match=r"more than 1,000,000,000 leaves"):
        fg.grad(lambda t: 1.0)(whole)


def test_trees_may_be_deep_and_may_hold_one_list_in_several_places():
    deep = 1.0
    for _ in range(1500):
        deep = [deep]
    shared = [1.0, 2.0]

    assert tree.leaves(fg.grad(lambda t: tree.leaves(t)[0] * 2.0)(deep)) == [2.0]
    assert tree.leaves(fg.jit(lambda t: t)(deep)) == [1.0]
    wide = [shared] * 40_000
    assert len(tree.leaves(wide)) == 80_000 == len(tree.leaves_with_path(wide))


def test_a_list_that_contains_itself_is_no_array():
    loop = [1.0, 2.0]
    loop.append(loop)
    twice = []
    twice += [twice, twice]

    for use in (lambda x: x + loop, lambda x: np.stack([x, loop]), lambda x: x[loop]):
        with pytest.raises(ValueError, match="setting an array element with a sequence"):
            fg.grad(use)(np.ones(3))
    with pytest.raises(ValueError, match="more than 64 levels"):
        fg.grad(lambda x: fg.numpy.array([x, loop.append(x) or loop]))(np.ones(3))
    assert not holds_tracer(twice)
