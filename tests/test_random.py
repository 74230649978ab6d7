"""Random numbers: what a key fixes, what the numbers are, and that JAX's are JAX's.

Literal values under ``threefry2x32`` were printed by JAX 0.10.2 (its default configuration; those
of 64 bits with ``jax_enable_x64``) from ``jax.random.key(42)``, by the calls that the tests make.
Literal philox values were printed by this library, and must never change.
"""

import enum
import math
import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import random, tree
from funcgrad.core.errors import DtypeError, ShapeError
from funcgrad.core.jaxpr import check_jaxpr
from funcgrad.ops.special import erf, erfinv
from funcgrad.random import NotAKeyError, RangeError
from funcgrad.random.primitives import bits_p, fold_in_p, split_p

from .support.compare import assert_same, kolmogorov

PHILOX = random.key(42)
THREEFRY = random.key(42, impl="threefry2x32")
BOTH = pytest.mark.parametrize("key", [PHILOX, THREEFRY], ids=["philox", "threefry"])
FLOATS = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])

# every draw, as a function of a key
DRAWS = {
    "bits": lambda k: random.bits(k, (3, 2)),
    "uniform": lambda k: random.uniform(k, (3, 2), minval=-1.0, maxval=2.5),
    "normal": lambda k: random.normal(k, (3, 2)),
    "complex": lambda k: random.normal(k, (3,), np.complex64),
    "truncated_normal": lambda k: random.truncated_normal(k, -1.0, 2.0, (3, 2)),
    "bernoulli": lambda k: random.bernoulli(k, 0.3, (3, 2)),
    "bernoulli_high": lambda k: random.bernoulli(k, 0.3, (3, 2), mode="high"),
    "randint": lambda k: random.randint(k, (3, 2), 0, 1000),
    "exponential": lambda k: random.exponential(k, (3, 2)),
    "gumbel": lambda k: random.gumbel(k, (3, 2)),
    "gumbel_high": lambda k: random.gumbel(k, (3, 2), mode="high"),
    "permutation": lambda k: random.permutation(k, 7),
    "permutation_of_rows": lambda k: random.permutation(k, np.arange(12.0).reshape(4, 3)),
    "permutation_of_each": lambda k: random.permutation(
        k, np.arange(12.0).reshape(4, 3), axis=1, independent=True
    ),
    "choice": lambda k: random.choice(k, 9, (3, 2)),
    "choice_once": lambda k: random.choice(k, 9, (3, 2), replace=False),
    "choice_weighted": lambda k: random.choice(k, 3, (6,), p=np.array([0.2, 0.5, 0.3])),
    "choice_weighted_once": lambda k: random.choice(
        k, 3, (2,), replace=False, p=np.array([0.2, 0.5, 0.3])
    ),
    "categorical": lambda k: random.categorical(k, np.zeros((2, 5)), shape=(3, 2)),
    "categorical_once": lambda k: random.categorical(
        k, np.zeros((2, 5)), shape=(3, 2), replace=False
    ),
}


# keys


@BOTH
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_key_gives_the_same_numbers(name, key):
    again = random.wrap_key_data(random.key_data(key), impl=key.impl)

    assert_same(DRAWS[name](key), DRAWS[name](again), kinds=True)


@BOTH
@pytest.mark.parametrize("name", DRAWS)
def test_other_keys_give_other_numbers(name, key):
    first, *others = [np.asarray(DRAWS[name](k)) for k in random.split(key, 8)]

    assert any(not np.array_equal(first, other) for other in others)


@BOTH
def test_a_key_is_a_tree_of_one_leaf(key):
    leaves, structure = tree.flatten({"key": key})

    assert len(leaves) == 1 and leaves[0].shape == (2,)
    assert tree.unflatten(structure, leaves)["key"] == key
    assert key.impl in str(structure)


@BOTH
def test_a_batch_of_keys_is_a_sequence(key):
    ks = random.split(key, 3)
    k1, k2, k3 = ks

    assert (ks.shape, len(ks), ks.ndim, ks.size, k1.shape) == ((3,), 3, 1, 3, ())
    assert k1 == ks[0] and k3 == ks[-1] and k2 == ks[1:][0]
    assert np.array_equal(ks == ks[np.array([0, 2, 1])], [True, False, False])
    assert random.split(key, (2, 3))[1, 0] == random.split(key, 6)[3]


def test_keys_are_frozen_values():
    with pytest.raises(AttributeError):
        PHILOX.data = 0
    with pytest.raises(TypeError, match="unhashable"):
        hash(PHILOX)
    assert (PHILOX == THREEFRY) is False
    assert pickle.loads(pickle.dumps(PHILOX)) == PHILOX
    random.key_data(PHILOX)[0] = 1
    assert random.key(42) == PHILOX


@pytest.mark.parametrize("what", [
    lambda x: x.dtype, lambda x: x.shape, lambda x: None, lambda x: 1, lambda x: x.sum(),
    lambda x: fg.ShapeDtypeStruct(x.shape, x.dtype), lambda x: "text",
])  # fmt: skip
def test_a_key_whose_leaf_is_mapped_compares_what_it_holds(what):
    k = random.key(0)
    mapped = fg.tree.map(what, [k])

    assert mapped == fg.tree.map(what, [k])
    assert mapped != [k] and mapped != fg.tree.map(lambda x: "another", [k])


def test_a_batch_of_keys_takes_every_integer():
    batch = random.split(random.key(0), 3)

    assert batch[enum.IntEnum("Place", {"SECOND": 1}).SECOND] == batch[np.int8(1)]
    assert np.all(batch[range(2)] == batch[:2])


def test_a_key_does_not_show_its_words():
    assert repr(PHILOX) == "Key(philox)"
    assert repr(random.split(THREEFRY, (2, 3))) == "Key(threefry2x32, shape=(2, 3))"


@BOTH
def test_children_are_the_first_of_more_children(key):
    assert np.all(random.split(key, 3) == random.split(key, 5)[:3])


@BOTH
def test_seeds_count_modulo_64_bits(key):
    assert random.key(-1, impl=key.impl) == random.key(2**64 - 1, impl=key.impl)
    assert random.key(np.int8(5), impl=key.impl) == random.key(np.array(5), impl=key.impl)


# the streams


def test_the_philox_stream_never_changes():
    k1, k2 = random.split(PHILOX)

    assert random.key_data(PHILOX).tolist() == [42, 0]
    assert random.key_data(k1).tolist() == [2441417102155951742, 15965382264027906161]
    assert random.key_data(k2).tolist() == [7204409068884566625, 10097173069124897316]
    assert random.key_data(random.fold_in(PHILOX, 7)).tolist() == [
        7958085240523359759, 9777605414525114156,
    ]  # fmt: skip
    assert random.key_data(random.fold_in(PHILOX, 2**64 - 1)).tolist() == [
        9756921898463806531, 13434788653473720865,
    ]  # fmt: skip
    assert random.bits(PHILOX, 3, np.uint8).tolist() == [14, 136, 98]
    assert random.bits(PHILOX, 3, np.uint16).tolist() == [34830, 19810, 33149]
    assert random.bits(PHILOX, 3).tolist() == [1298302990, 3522724221, 1556642174]
    assert random.bits(PHILOX, 3, np.uint64).tolist() == [
        15129985323320379406, 3490965594592278910, 16005516994917231875,
    ]  # fmt: skip


def test_the_philox_numbers_never_change():
    hexes = [float(u).hex() for u in random.uniform(PHILOX, 2)]

    assert hexes == ["0x1.358a200000000p-2", "0x1.a3f1000000000p-1"]
    assert random.randint(PHILOX, 5, 0, 100).tolist() == [66, 79, 15, 44, 15]
    assert random.permutation(PHILOX, 8).tolist() == [4, 1, 5, 0, 3, 6, 2, 7]
    # rtol: the last bits of NumPy's log1p differ between processors
    want = [-0.5178406238555908, 0.916120171546936, -0.35196053981781006]
    np.testing.assert_allclose(random.normal(PHILOX, 3), want, rtol=1e-6)


def test_the_philox_stream_is_that_of_numpy():
    raw = np.random.Philox(key=[42, 0], counter=[0, 0, 0, 0]).random_raw(5)

    assert np.array_equal(raw, random.bits(PHILOX, 5, np.uint64))
    assert np.array_equal(raw.view(np.uint32)[:9], random.bits(PHILOX, 9))


def test_threefry_gives_the_bits_of_jax():
    assert random.key_data(random.key(2**40 + 5, impl="threefry2x32")).tolist() == [256, 5]
    assert random.key_data(random.split(THREEFRY, 3)).tolist() == [
        [1832780943, 270669613], [64467757, 2916123636], [2465931498, 255383827],
    ]  # fmt: skip
    assert random.key_data(random.fold_in(THREEFRY, 7)).tolist() == [2547012911, 1371500959]
    assert random.bits(THREEFRY, 4, np.uint8).tolist() == [162, 217, 249, 215]
    assert random.bits(THREEFRY, 4, np.uint16).tolist() == [5026, 12505, 63993, 49623]
    assert random.bits(THREEFRY, 4).tolist() == [2098992034, 2919706841, 2646866425, 2409546199]
    assert random.bits(THREEFRY, 2, np.uint64).tolist() == [
        7871734211187709741, 276886910877598708,
    ]  # fmt: skip


def test_threefry_gives_the_numbers_of_jax():
    def hexes(dtype, n):
        return [float(u).hex() for u in random.uniform(THREEFRY, n, dtype)]

    key, p = THREEFRY, np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    assert hexes(np.float16, 2) == ["0x1.3800000000000p-4", "0x1.8600000000000p-3"]
    assert hexes(np.float32, 2) == ["0x1.f470480000000p-2", "0x1.5c0e600000000p-1"]
    assert hexes(np.float64, 2) == ["0x1.b4f8123c40884p-2", "0x1.ebd996d6e8400p-7"]
    assert random.randint(key, 6, -5, 1000).tolist() == [184, 514, 736, 539, 804, 979]
    assert random.randint(key, 4, 0, 256, np.uint8).tolist() == [196, 18, 183, 193]
    assert random.randint(key, 2, 0, 10**15, np.int64).tolist() == [
        679464050701877, 242604979476158,
    ]  # fmt: skip
    assert random.bernoulli(key, 0.3, (8,)).tolist() == [False] * 6 + [True, False]
    assert random.permutation(key, 10).tolist() == [7, 4, 2, 5, 3, 6, 8, 9, 0, 1]
    assert random.choice(key, 10, 4).tolist() == [4, 4, 1, 9]
    assert random.choice(key, 10, 4, replace=False).tolist() == [7, 4, 2, 5]
    assert random.choice(key, 4, 6, p=p).tolist() == [2, 2, 2, 2, 2, 2]
    assert random.choice(key, 4, 3, replace=False, p=p).tolist() == [3, 2, 1]
    assert random.categorical(key, np.log(p), shape=8).tolist() == [3, 3, 3, 3, 3, 3, 1, 1]


def test_threefry_gives_the_reals_of_jax():
    want = {
        "normal": [-0.02830461598932743, 0.4671318531036377, 0.2957029640674591],
        "exponential": [0.670817494392395, 1.1388006210327148, 0.9578199982643127],
        "gumbel": [0.3340933918952942, 0.952019453048706, 0.7255305647850037],
    }
    for name, numbers in want.items():
        got = getattr(random, name)(THREEFRY, 3)
        np.testing.assert_allclose(got, numbers, rtol=1e-6)  # XLA's log1p and NumPy's: 2 ulp
    got = random.truncated_normal(THREEFRY, -1.0, 2.0, 3)
    # XLA's float32 erf and ours differ in the last bits
    np.testing.assert_allclose(got, [0.1477, 0.568445, 0.4210255], atol=2e-6)
    got = random.normal(THREEFRY, 2, np.float64)
    np.testing.assert_allclose(got, [-0.18471174528191162, -2.169824560397754], rtol=1e-12)


@pytest.mark.parametrize("n", [1, 16383, 16384, 16385, 40000])
def test_blocks_do_not_show_in_the_threefry_stream(n):
    whole = random.bits(THREEFRY, 40001)

    assert np.array_equal(whole[:n], random.bits(THREEFRY, n))


@BOTH
def test_primitives_take_keys_with_leading_axes(key):
    ks = random.split(key, (2, 3))
    n = 9000  # more than a block of keys together
    drawn = bits_p(ks.data, shape=(n,), dtype=np.dtype(np.uint16), impl=key.impl)
    children = split_p(ks.data, shape=(4,), impl=key.impl)
    folded = fold_in_p(ks.data, np.arange(3), impl=key.impl)

    assert np.array_equal(drawn[1, 2], random.bits(ks[1, 2], n, np.uint16))
    assert np.array_equal(children[0, 1], random.split(ks[0, 1], 4).data)
    assert np.array_equal(folded[1, 2], random.fold_in(ks[1, 2], 2).data)


@BOTH
def test_the_batch_rule_is_a_loop_over_keys(key):
    ks = random.split(key, (2, 3))
    # operands as under two nested maps: keys [3, 2, 2] along axis 1, integers [2]
    data = np.swapaxes(ks.data, 0, 1)
    params = {"impl": key.impl}
    (folded,), (axis,) = fold_in_p.batch((data, np.array([5, 6])), (1, 0), 2, **params)
    (one,), _ = fold_in_p.batch((key.data, np.array([5, 6])), (None, 0), 2, **params)

    assert axis == 0 and folded.shape == (2, 3, 2)
    assert np.array_equal(folded[1, 2], random.fold_in(ks[1, 2], 6).data)
    assert np.array_equal(one[1], random.fold_in(key, 6).data)


# what the numbers are like: fixed seeds, tolerances of at least 4 standard deviations


# fmt: off
LAWS = {
    "uniform": (lambda k, n: random.uniform(k, n, minval=2.0, maxval=5.0), lambda x: (x - 2) / 3),
    "normal": (random.normal, lambda x: (1 + erf(x / math.sqrt(2))) / 2),
    "exponential": (random.exponential, lambda x: 1 - np.exp(-x)),
    "gumbel": (random.gumbel, lambda x: np.exp(-np.exp(-x))),
    "gumbel_high": (lambda k, n: random.gumbel(k, n, mode="high"), lambda x: np.exp(-np.exp(-x))),
    "truncated_normal": (lambda k, n: random.truncated_normal(k, 0.0, math.inf, n),
                         lambda x: erf(x / math.sqrt(2))),
}
# fmt: on


@BOTH
@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_their_law(name, key):
    draw, cdf = LAWS[name]
    sample = np.asarray(draw(key, 20000), np.float64)

    assert kolmogorov(sample, cdf) < 1.95  # exceeded with probability 1e-3


@BOTH
def test_children_are_independent_of_each_other_and_of_draws(key):
    k1, k2 = random.split(key)
    columns = [random.normal(k, 20000) for k in (k1, k2, key, random.fold_in(key, 9))]
    correlations = np.corrcoef(columns) - np.eye(4)

    assert np.abs(correlations).max() < 5 / math.sqrt(20000)
    assert abs(np.corrcoef(columns[0][1:], columns[0][:-1])[0, 1]) < 5 / math.sqrt(20000)


@BOTH
def test_every_bit_is_set_half_the_time(key):
    words = random.bits(key, 10000, np.uint64)
    share = [np.mean((words >> np.uint64(i)) & np.uint64(1)) for i in range(64)]

    np.testing.assert_allclose(share, 0.5, atol=0.025)  # 5 standard deviations


def test_no_two_of_many_keys_agree():
    folded = [random.fold_in(PHILOX, i).data[None] for i in range(500)]
    keys = np.concatenate([random.split(PHILOX, 1000).data, *folded])

    assert len(np.unique(keys, axis=0)) == 1500


def test_threefry_folds_in_a_number_as_jax_does_as_the_child_of_that_number():
    assert random.fold_in(THREEFRY, 3) == random.split(THREEFRY, 5)[3]


def test_truth_has_its_probability():
    p = np.array([0.0, 1e-3, 0.5, 1.0])
    for mode in ("low", "high"):
        share = random.bernoulli(PHILOX, p, (40000, 4), mode).mean(0)
        np.testing.assert_allclose(share, p, atol=0.01)  # 4 standard deviations of 1/2
        assert share[0] == 0 and share[3] == 1
    rare = random.bernoulli(PHILOX, np.float32(1e-5), (2000000,), "high")
    assert 2 <= rare.sum() <= 45  # 20 expected, 4 standard deviations


def test_integers_are_even():
    counts = np.bincount(random.randint(PHILOX, 60000, 0, 6))

    np.testing.assert_allclose(counts, 10000, atol=400)  # 4 standard deviations


def test_categories_have_their_frequencies():
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        logits = np.log(p) + 3
    drawn = random.categorical(PHILOX, logits, shape=(20000, 2))
    along_columns = random.categorical(PHILOX, logits.T, axis=0, shape=(20000, 2))

    assert drawn.shape == along_columns.shape == (20000, 2) and drawn.dtype == np.intp
    for sample in (drawn, along_columns):
        share = np.stack([np.mean(sample == c, axis=0) for c in range(3)], -1)
        np.testing.assert_allclose(share, p, atol=0.015)  # 4 standard deviations
    assert random.categorical(PHILOX, logits).shape == (2,)


def test_weighted_choices_have_their_frequencies():
    weights = np.array([1.0, 0.0, 3.0])
    share = np.bincount(random.choice(PHILOX, 3, 20000, p=weights)) / 20000
    once = [random.choice(k, 3, 1, replace=False, p=weights)[0] for k in random.split(PHILOX, 500)]

    np.testing.assert_allclose(share, [0.25, 0, 0.75], atol=0.015)  # 5 standard deviations
    np.testing.assert_allclose(np.bincount(once) / 500, [0.25, 0, 0.75], atol=0.08)  # 4


def test_orders_are_equally_likely():
    orders = [tuple(random.permutation(k, 3)) for k in random.split(PHILOX, 1200)]
    counts = [orders.count(o) for o in set(orders)]

    assert len(counts) == 6
    np.testing.assert_allclose(counts, 200, atol=60)  # 4.6 standard deviations


# ranges, shapes, dtypes


@BOTH
@FLOATS
def test_uniform_numbers_are_below_their_bound(dtype, key):
    unit = random.uniform(key, 4000, dtype)
    # between neighbours half of all products round up
    low, high = dtype(1), np.nextafter(dtype(1), dtype(2))
    narrow = random.uniform(key, 100, dtype, low, high)
    wide = random.uniform(key, 4000, dtype, -3, 7)

    assert unit.dtype == narrow.dtype == wide.dtype == dtype
    assert unit.min() >= 0 and unit.max() < 1 and len(np.unique(unit)) > 900
    assert np.all(narrow == low)
    assert -3 <= wide.min() < -2.5 and 6.5 < wide.max() < 7
    assert np.all(random.uniform(key, 3, dtype, 2.0, 2.0) == 2)


def test_bounds_broadcast():
    low, high = np.array([[0.0], [10.0]]), np.array([11.0, 20.0, 30.0])
    drawn = random.uniform(PHILOX, (2, 3), np.float64, low, high)
    integers = random.randint(PHILOX, (2, 3), low.astype(int), high.astype(int))

    assert np.all((low <= drawn) & (drawn < high))
    assert np.all((low <= integers) & (integers < high)) and integers.dtype == np.int32


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_fill_their_dtype_and_no_more(dtype):
    info = np.iinfo(dtype)
    all_of_them = random.randint(PHILOX, 4000, info.min, int(info.max) + 1, dtype)
    last = random.randint(PHILOX, 50, int(info.max) - 1, int(info.max) + 1, dtype)

    assert all_of_them.dtype == last.dtype == np.dtype(dtype)
    assert all_of_them.max() > 0.98 * info.max and all_of_them.min() <= 0.98 * info.min + 9e16
    assert set(last.tolist()) == {info.max - 1, info.max}


def test_large_ranges_agree_with_small_arrays():
    drawn = random.randint(PHILOX, 70000, 0, 10**6)  # more than one block
    bounds = np.full(70000, 10**6)

    assert np.array_equal(drawn, random.randint(PHILOX, 70000, 0, bounds))


def test_truncated_numbers_stay_in_the_open_interval():
    drawn = random.truncated_normal(PHILOX, np.array([-1.0, 3.0]), np.array([-0.5, 3.01]), (999, 2))

    assert np.all((drawn > [-1, 3]) & (drawn < np.array([-0.5, 3.01], np.float32)))


@BOTH
def test_what_the_library_draws_is_float32(key):
    for draw in (random.uniform, random.normal, random.exponential, random.gumbel):
        assert draw(key).dtype == draw(key, dtype=None).dtype == np.float32
        assert draw(key, (2, 0)).shape == (2, 0)
        assert draw(key, 3, np.float64).dtype == np.float64
    assert random.normal(key, 2, np.complex64).dtype == np.complex64
    assert random.truncated_normal(key, -1.0, 1.0).dtype == np.float32


def test_complex_normals_share_the_variance():
    z = random.normal(PHILOX, 20000, np.complex128)

    np.testing.assert_allclose([z.real.var(), z.imag.var()], 0.5, atol=0.02)  # 4 deviations


@BOTH
@pytest.mark.parametrize("n", [0, 1, 2, 500])
def test_a_permutation_keeps_the_elements(n, key):
    order = random.permutation(key, n)

    assert np.array_equal(np.sort(order), np.arange(n)) and order.dtype == np.intp


@BOTH
def test_a_permutation_of_rows_keeps_rows_together(key):
    x = np.arange(60).reshape(5, 4, 3)
    together = random.permutation(key, x, axis=1)
    apart = random.permutation(key, np.arange(40).reshape(2, 20), axis=-1, independent=True)

    order = together[0, :, 0] // 3
    assert np.array_equal(x[:, order], together) and sorted(order) == [0, 1, 2, 3]
    assert np.array_equal(np.sort(apart), np.arange(40).reshape(2, 20))
    assert not np.array_equal(apart[0], apart[1] - 20)


@pytest.mark.parametrize("p", [None, np.full(12, 1 / 12)], ids=["even", "weighted"])
def test_choice_without_replacement_never_repeats(p):
    x = np.arange(24).reshape(2, 12)
    for k in random.split(PHILOX, 20):
        picked = random.choice(k, x, (3, 4), replace=False, p=p, axis=1)
        assert picked.shape == (2, 3, 4)
        assert np.array_equal(np.sort(picked.reshape(2, 12)), x)


def test_categories_without_replacement_never_repeat():
    for axis in (0, 1):
        drawn = random.categorical(PHILOX, np.zeros((4, 4)), axis, (4, 4), replace=False)
        assert np.array_equal(np.sort(drawn, axis=0), np.arange(4)[:, None] * np.ones(4))


# special functions, on which normal draws rest


def test_erfinv_inverts_erf():
    x = np.concatenate([np.linspace(-5.5, 5.5, 1001), np.logspace(-300, 0, 100)])
    slope = 2 / math.sqrt(math.pi) * np.exp(-x * x)  # an error in erf grows by its inverse
    error = np.abs(erfinv(erf(x)) - x) * np.minimum(slope, 1)

    assert error.max() < 1e-15
    assert np.array_equal(erfinv([-1.0, 0.0, 1.0]), [-np.inf, 0, np.inf])
    assert np.isnan(erfinv(1.5)) and np.array_equal(erf([-np.inf, np.inf]), [-1, 1])


def test_erf_is_that_of_the_standard_library():
    x = np.concatenate([np.linspace(-7, 7, 2001), np.logspace(-300, 0, 100)])
    want = np.vectorize(math.erf)(x)

    np.testing.assert_allclose(erf(x), want, rtol=6e-16)  # 3 units in the last place
    np.testing.assert_allclose(erf(x.astype(np.float32))[:2001], want[:2001], rtol=3e-7)


# transforms


@BOTH
@pytest.mark.parametrize("name", DRAWS)
def test_a_staged_draw_is_the_draw(name, key):
    program = fg.make_jaxpr(DRAWS[name])(key)
    check_jaxpr(program.jaxpr)
    (got,) = program(key.data)
    want = np.asarray(DRAWS[name](key))

    assert [v.dtype for v in program.out_avals] == [want.dtype]
    assert program.out_avals[0].shape == want.shape
    assert np.array_equal(want, got)


@BOTH
def test_keys_can_be_made_and_used_while_staging(key):
    def draw(seed, key, step, i):
        made = random.key(seed, impl=key.impl)
        k1, k2 = random.split(random.fold_in(key, step))
        ks = random.split(k1, 3)
        return made, k2, random.normal(ks[i], 2), ks[1] == ks[i]

    program = fg.make_jaxpr(draw)(3, key, 5, np.array(1))
    got = program(3, key.data, 5, np.array(1))
    want = tree.leaves(draw(3, key, 5, np.array(1)))

    assert all(map(np.array_equal, want, got)) and bool(got[-1])
    assert {"random_seed", "random_split", "random_fold_in", "random_normal"} <= {
        eqn.prim.name for eqn in program.eqns
    }


def test_a_bound_moves_a_uniform_draw():
    u = random.uniform(PHILOX, 5, np.float64)
    low, high = fg.grad(
        lambda a, b: np.sum(random.uniform(PHILOX, 5, np.float64, a, b)), argnums=(0, 1)
    )(-1.0, 2.0)

    np.testing.assert_allclose([low, high], [np.sum(1 - u), np.sum(u)], rtol=1e-14)


def test_a_scale_moves_a_normal_draw():
    z = random.normal(PHILOX, 4, np.float64)
    loc, scale = fg.grad(
        lambda m, s: np.sum(m + s * random.normal(PHILOX, 4, np.float64)), argnums=(0, 1)
    )(1.0, 2.0)

    np.testing.assert_allclose([loc, scale], [4, z.sum()], rtol=1e-14)


def test_a_bound_moves_a_truncated_draw():
    def total(low, high):
        return np.sum(random.truncated_normal(PHILOX, low, high, 5, np.float64))

    h = 1e-6
    want = [
        (total(-1 + h, 2.0) - total(-1 - h, 2.0)) / (2 * h),
        (total(-1.0, 2 + h) - total(-1.0, 2 - h)) / (2 * h),
    ]
    got = fg.grad(total, argnums=(0, 1))(-1.0, 2.0)

    np.testing.assert_allclose(got, want, rtol=1e-7)  # central differences: h**2 and eps/h


def test_a_chosen_element_gets_the_gradient():
    picks = random.choice(PHILOX, 4, 10)
    got = fg.grad(lambda x: np.sum(random.choice(PHILOX, x, 10)))(np.ones(4))

    assert np.array_equal(np.bincount(picks, minlength=4), got)


def test_a_permuted_element_gets_the_gradient():
    c = np.arange(12.0).reshape(4, 3)
    for independent in (False, True):

        def moved(x, independent=independent):
            return random.permutation(PHILOX, x, independent=independent)

        got = fg.grad(lambda x, f=moved: np.sum(c * f(x)))(c)
        assert np.array_equal(moved(got), c)


def test_what_is_drawn_by_a_probability_has_no_gradient():
    p = np.array([0.3, 0.7])
    with np.errstate(all="raise"):
        got = fg.grad(
            lambda p: np.sum(
                p * random.bernoulli(PHILOX, p)
                + random.categorical(PHILOX, np.log(p))
                + random.choice(PHILOX, 2, p=p)
            )
        )(p)

    assert np.array_equal(random.bernoulli(PHILOX, p), got)


def test_a_key_passes_through_grad():
    def loss(w, key):
        return np.sum(w * random.normal(key, 3, np.float64))

    assert np.array_equal(random.normal(PHILOX, 3, np.float64), fg.grad(loss)(np.ones(3), PHILOX))


# errors

K, T, X = PHILOX, THREEFRY, np.zeros((2, 3))
ERRORS = [
    (lambda: random.normal(0), NotAKeyError, r"random.normal: .* a key: got 0; write .*key\(0\)"),
    (lambda: random.split(None), NotAKeyError, r"random.split: .*: got NoneType; write .*key"),
    (lambda: random.uniform(np.zeros(2, "u4")), NotAKeyError, r"got u32\[2\]; write wrap_key"),
    (lambda: random.key_data([1, 2]), NotAKeyError, r"random.key_data: .*: got list"),
    (lambda: random.normal(random.split(K, 3)), ShapeError, r"a batch of shape \(3,\); map .*vmap"),
    (lambda: random.fold_in(random.split(K), 1), ShapeError, r"random.fold_in: .* a single key"),
    (lambda: random.key(1.5), DtypeError, r"random.key: the seed must be an integer: got 1.5"),
    (lambda: random.key("a"), DtypeError, r"random.key: the seed must be an integer: got 'a'"),
    (lambda: random.key(True), DtypeError, r"random.key: the seed must be an integer: got True"),
    (lambda: random.key(K), DtypeError, r"random.key: .* an integer: got Key\(philox\)"),
    (lambda: random.key(2**64), RangeError, r"random.key: .* 2\*\*64\): got 18446744073709551616"),
    (lambda: random.key(np.arange(2)), ShapeError, r"random.key: .*: got i64\[2\]; .*vmap"),
    (lambda: random.key(0, impl="pcg"), RangeError, r"got impl='pcg'; use 'philox' or 'threef"),
    (lambda: random.fold_in(K, -1), RangeError, r"data must be in \[0, 2\*\*64\): got -1"),
    (lambda: random.fold_in(T, 2**32), RangeError, r"\[0, 2\*\*32\): got 4294967296"),
    (lambda: random.fold_in(K, 1.0), DtypeError, r"fold_in: data must be an integer: got 1.0"),
    (lambda: random.wrap_key_data(np.zeros(2, "u4")), DtypeError, r"uint64: got u32\[2\]"),
    (lambda: random.wrap_key_data(np.zeros(3, "u8")), ShapeError, r"length 2: got u64\[3\]"),
    (lambda: random.normal(K, (2, -1)), ShapeError, r"nonnegative: got the shape \(2, -1\)"),
    (lambda: random.normal(K, 2.0), DtypeError, r"must be made of integers: got 2.0"),
    (lambda: random.split(K, -1), ShapeError, r"random.split: lengths must be nonneg"),
    (lambda: random.normal(K, (), int), DtypeError, r"normal: .*float64: got int64; see randint"),
    (lambda: random.uniform(K, (), np.longdouble), DtypeError, r"or float64: got .*float128"),
    (lambda: random.bits(K, (), int), DtypeError, r"bits: the dtype must be unsigned: got int64"),
    (lambda: random.uniform(K, (), minval=2), RangeError, r"minval must not exceed maxval"),
    (lambda: random.uniform(K, (), np.float16, -6e4, 6e4), RangeError, r"finite in float16"),
    (lambda: random.uniform(K, (), maxval=np.inf), RangeError, r"must be finite in float32"),
    (lambda: random.uniform(K, 2, minval=X), ShapeError, r"minval must broadcast .*f32\[2,3\]"),
    (lambda: random.uniform(K, (), minval=X), ShapeError, r"got f32\[2,3\] for the shape \(\)"),
    (lambda: random.bernoulli(K, 1.5), RangeError, r"p must be in \[0, 1\]: got 1.5"),
    (lambda: random.bernoulli(K, np.nan), RangeError, r"p must be in \[0, 1\]: got nan"),
    (lambda: random.bernoulli(K, 1), DtypeError, r"p must be floating: got i64\[\]; write 1.0"),
    (lambda: random.bernoulli(K, 0.5, (), "mid"), RangeError, r"'low' or 'high': got 'mid'"),
    (lambda: random.randint(K, (), 0, 9, float), DtypeError, r"got float64; use uniform"),
    (lambda: random.randint(K, (), 0, 9.5), DtypeError, r"maxval must be an integer: got f64\[\]"),
    (lambda: random.randint(K, (), 9, 9), RangeError, r"below maxval: got 9 and 9"),
    (lambda: random.randint(K, (), 0, 257, "u1"), RangeError, r"maxval must fit uint8: got 257"),
    (lambda: random.randint(K, (), -1, 5, "u8"), RangeError, r"minval must fit uint64: got -1"),
    (lambda: random.truncated_normal(K, 2, 1), RangeError, r"lower must not exceed upper"),
    (lambda: random.truncated_normal(K, X, X.T), ShapeError, r"lower f32\[2,3\] and upper f32"),
    (lambda: random.permutation(K, 2.0), DtypeError, r"an array or a concrete integer: .*f64"),
    (lambda: random.permutation(K, -2), RangeError, r"must be nonnegative: got -2"),
    (lambda: random.permutation(K, X, 2), np.exceptions.AxisError, r"axis 2 is out of bounds"),
    (lambda: random.choice(K, 2, 3, False), RangeError, r"got 2 for 3; pass replace"),
    (lambda: random.choice(K, 0, 3), RangeError, r"choice: a must not be empty"),
    (lambda: random.choice(K, 2, 3, p=X), ShapeError, r"p must have shape \[2\]: got f64\[2,3\]"),
    (lambda: random.choice(K, 2, p=[-1.0, 2]), RangeError, r"p must be finite, nonnegative"),
    (lambda: random.choice(K, 2, p=[0, 0]), RangeError, r"and not all 0: got \[0. 0.\]"),
    (lambda: random.choice(K, 2, 2, False, [0, 1]), RangeError, r"got 1 for 2 without"),
    (lambda: random.categorical(K, [1, 2]), DtypeError, r"logits must be floating: got i64\[2\]"),
    (lambda: random.categorical(K, X, shape=3), ShapeError, r"without axis 1, \(2,\): got \(3,\)"),
    (lambda: random.categorical(K, X, 1, (4, 2), False), RangeError, r"got 3 for 4"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), ERRORS)
def test_errors_say_what_came_and_the_cure(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_indices_of_keys_are_checked():
    with pytest.raises(IndexError, match="index 2 is out of range for keys of shape"):
        random.split(PHILOX)[2]
    with pytest.raises(IndexError, match="too many indices"):
        PHILOX[0]
    with pytest.raises(TypeError, match=r"single key; write `k1, k2 = split\(key\)`"):
        list(PHILOX)


def test_a_staged_count_is_refused():
    with pytest.raises(DtypeError, match="an array or a concrete integer"):
        fg.make_jaxpr(lambda n: random.permutation(PHILOX, n))(3)


# with JAX at hand


@pytest.mark.peers
class TestAgainstJax:
    """Everything again, from other keys, against JAX itself (float32, its default)."""

    @pytest.fixture(params=[0, 1234567])
    def pair(self, request):
        jax = pytest.importorskip("jax")
        return (
            jax.random,
            jax.random.key(request.param),
            random.key(request.param, impl="threefry2x32"),
        )

    @pytest.mark.parametrize(
        "call",
        [
            lambda r, k: r.key_data(r.split(k, (3, 4))),
            lambda r, k: r.key_data(r.fold_in(r.split(k)[1], 99)),
            lambda r, k: r.bits(k, (3, 5), "uint8"),
            lambda r, k: r.bits(k, (33, 1000), "uint32"),
            lambda r, k: r.uniform(k, (500,), "float16"),
            lambda r, k: r.uniform(k, (5000,)),
            lambda r, k: r.uniform(k, (5000,), minval=-1.0, maxval=3.0),
            lambda r, k: r.bernoulli(k, np.float32(0.3), (5000,)),
            lambda r, k: r.bernoulli(k, np.float32(0.3), (5000,), mode="high"),
            lambda r, k: r.randint(k, (3000,), -7, 12345),
            lambda r, k: r.randint(k, (3000,), 0, 100, "uint8"),
            lambda r, k: r.randint(k, (3000,), -128, 128, "int8"),
            lambda r, k: r.permutation(k, 5000),
            lambda r, k: r.permutation(k, np.arange(24).reshape(4, 6), 1, independent=True),
            lambda r, k: r.choice(k, np.arange(24.0, dtype="f4").reshape(4, 6), (2, 3), axis=1),
            lambda r, k: r.choice(k, 50, (30,), replace=False),
            lambda r, k: r.choice(k, 3, (50,), p=np.array([0.5, 0.25, 0.25], "f4")),
            lambda r, k: r.choice(k, 9, (5,), False, np.arange(9, dtype="f4")),
            lambda r, k: r.categorical(k, np.arange(12, dtype="f4").reshape(3, 4), 0, (50, 4)),
            lambda r, k: r.categorical(
                k, np.arange(12, dtype="f4").reshape(3, 4), 1, (2, 3), replace=False
            ),
        ],
    )
    def test_equal(self, pair, call):
        jax_random, jax_key, key = pair
        want = np.asarray(call(jax_random, jax_key))
        got = np.asarray(call(random, key))

        assert np.array_equal(want, got)

    @pytest.mark.parametrize(
        "call",
        [
            lambda r, k: r.uniform(k, (5000,), minval=0.3, maxval=7.1),  # XLA fuses x*y + z
            lambda r, k: r.normal(k, (5000,)),
            lambda r, k: r.normal(k, (500,), "complex64"),
            lambda r, k: r.exponential(k, (5000,)),
            lambda r, k: r.gumbel(k, (5000,)),
            lambda r, k: r.gumbel(k, (5000,), mode="high"),
            lambda r, k: r.truncated_normal(k, -1.0, 2.0, (5000,)),
        ],
    )
    def test_equal_but_for_last_bits(self, pair, call):
        jax_random, jax_key, key = pair
        want = np.asarray(call(jax_random, jax_key))
        got = call(random, key)

        # a logarithm's 2 units in the last place; absolutely so where the result is near 0
        np.testing.assert_allclose(got, want, rtol=5e-7, atol=2e-6)

    def test_normal_is_within_two_units_in_the_last_place(self, pair):
        jax_random, jax_key, key = pair
        want = np.asarray(jax_random.normal(jax_key, (20000,)))
        got = random.normal(key, 20000)

        np.testing.assert_array_max_ulp(got, want, maxulp=3)


# rare events


def test_a_rare_event_is_as_rare_as_it_should_be():
    # 1e8 trials at 1e-8: 12 hits at multiples of 2**-23, 1 expected; P(more than 7) = 1e-5
    hits = sum(
        int(np.count_nonzero(random.bernoulli(random.key(s), np.float32(1e-8), (2**23,))))
        for s in range(12)
    )

    assert hits <= 7


def test_a_word_that_equals_the_probability_is_decided_by_the_next():
    def draw(seed):
        word = int(random.bits(random.key(seed), (3,))[1])
        p = (word + 0.25) / 2**32
        return int(random.bernoulli(random.key(seed), p, (3,))[1])

    assert 60 <= sum(draw(s) for s in range(400)) <= 140


def test_float64_probabilities_are_compared_with_64_bits():
    u = random.bits(random.key(1), (1000,), np.uint64).astype(float) / 2.0**64

    assert not random.bernoulli(random.key(1), u * (1 - 1e-15)).any()
    assert random.bernoulli(random.key(1), u * (1 + 1e-15)).all()


@pytest.mark.parametrize("name", ["exponential", "gumbel", "laplace", "logistic", "cauchy"])
def test_numbers_in_the_tails_have_all_digits(name):
    x = getattr(random, name)(random.key(0), (2**20,)).astype(float)
    tail = {
        "exponential": lambda: x[x < 1e-3],
        "gumbel": lambda: np.exp(-x[x > 7]),
        "laplace": lambda: np.exp(x[x < -7]),
        "logistic": lambda: np.exp(x[x < -7]),
        "cauchy": lambda: 1 / (np.pi * x[x > 1000]),
    }[name]()
    steps = tail * 2**23

    # probabilities of the tail that are multiples of 2**-23 or 2**-24 lie near whole or half ones
    assert len(tail) > 200 and np.all(np.isfinite(x)) and not np.any(x == 0)
    assert np.mean(np.abs(steps * 2 - np.round(steps * 2)) > 0.05) > 0.6


TAIL_LAWS = {
    "exponential": lambda x: -np.expm1(-x),
    "gumbel": lambda x: np.exp(-np.exp(-x)),
    "laplace": lambda x: np.where(x < 0, np.exp(np.minimum(x, 0)) / 2, 1 - np.exp(-abs(x)) / 2),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "cauchy": lambda x: 0.5 + np.arctan(x) / np.pi,
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", TAIL_LAWS)
def test_tail_draws_follow_their_law(name, dtype):
    n = 200000
    x = np.sort(getattr(random, name)(random.key(3), (n,), dtype).astype(float))
    u = TAIL_LAWS[name](x)

    assert np.max(np.abs(u - (np.arange(n) + 0.5) / n)) < 1.95 / np.sqrt(n)  # P = 0.001
    for q in (1e-4, 1e-3):
        assert abs(np.count_nonzero(u < q) - q * n) < 5 * np.sqrt(q * n) + 2
        assert abs(np.count_nonzero(u > 1 - q) - q * n) < 5 * np.sqrt(q * n) + 2


def test_small_weights_behind_a_large_one_are_picked():
    weights = np.full(100001, 0.5, np.float32)
    weights[0] = 2**24  # whose sum with any of the others is itself in float32
    picks = random.choice(random.key(0), len(weights), (20000,), p=weights)

    assert 25 < np.count_nonzero(picks) < 100  # 59 expected


def test_logits_in_half_precision_are_not_tied():
    logits = np.zeros(2**12, np.float16)
    picks = random.categorical(random.key(0), logits, shape=(2000,))

    assert abs(picks.mean() / 2**12 - 0.5) < 0.03


@pytest.mark.parametrize("name", [*TAIL_LAWS, "bernoulli"])
def test_tail_draws_of_many_keys_are_those_of_each(name):
    keys = random.split(random.key(5), 4)
    f = getattr(random, name)
    draw = (lambda k: f(k, np.float32(1e-3), (70000,))) if name == "bernoulli" else (
        lambda k: f(k, (70000,))
    )  # fmt: skip
    want = np.stack([draw(k) for k in keys])

    assert np.array_equal(fg.vmap(draw)(keys), want)
    assert np.array_equal(fg.jit(fg.vmap(draw))(keys), want)


def test_bernoulli_takes_traced_probabilities():
    p = np.array([0.0, 0.3, 1.0], np.float32)
    want = random.bernoulli(random.key(2), p)

    assert np.array_equal(fg.jit(lambda q: random.bernoulli(random.key(2), q))(p), want)
    got = fg.vmap(lambda q: random.bernoulli(random.key(2), q, (1000,)))(p)
    assert not got[0].any() and got[2].all() and 250 < got[1].sum() < 350


def test_a_shape_is_taken_in_every_form_that_numpy_takes():
    k = random.key(0)
    whole = enum.IntEnum("Length", {"TWO": 2}).TWO
    for shape in ((2, 3), [2, 3], range(2, 4), np.array([2, 3]), (np.int8(2), np.array(3))):
        assert random.normal(k, shape).shape == (2, 3)
    for length in (2, whole, np.array(2), np.uint8(2)):
        assert random.split(k, length).shape == random.normal(k, length).shape == (2,)
    for shape in (2.0, (True, 2), "ab", np.array([2.0])):
        with pytest.raises(DtypeError, match="made of integers"):
            random.normal(k, shape)
