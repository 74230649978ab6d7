"""Trees of arrays: flatten, unflatten, map and compare. Re-exports of ``core``."""

from .core.lazy import publish as _publish, recipes as _recipes
from .core.nodes import (
    DictKey as DictKey,
    FlattenedIndexKey as FlattenedIndexKey,
    GetAttrKey as GetAttrKey,
    Partial as Partial,
    SequenceKey as SequenceKey,
    register_dataclass as register_dataclass,
    register_node as register_node,
    register_static as register_static,
)
from .core.tree import (
    TreeDef as TreeDef,
    all as all,
    all_leaves as all_leaves,
    broadcast as broadcast,
    flatten as flatten,
    flatten_with_path as flatten_with_path,
    keystr as keystr,
    leaves as leaves,
    leaves_with_path as leaves_with_path,
    map as map,
    map_with_path as map_with_path,
    reduce as reduce,
    structure as structure,
    transpose as transpose,
    unflatten as unflatten,
)

tree_flatten = flatten  # JAX's name

_recipes(__name__, "all_leaves keystr map_with_path reduce transpose unflatten")

_publish(__name__)
