"""Where the backend "jax" keeps arrays: the device, and the shardings of inputs and outputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...core import tree
from ...core.lists import compress


class Placement(NamedTuple):
    """The options of a function, and later those of the flat program of a call.

    Args:
        device: a device of JAX, or the name of a platform: "cpu", "gpu" or "tpu".
        in_shardings: a sharding, or a tree of them that is a prefix of the arguments; None for
            none.
        out_shardings: the same for the output.
    """

    device: Any = None
    in_shardings: Any = None
    out_shardings: Any = None

    def check_pickles(self, name: str) -> None:
        """Refuse to pickle objects of JAX, which belong to a process.

        Raises:
            TypeError: if a device or a sharding is such an object.
        """
        for option, x in zip(self._fields, self, strict=True):
            if x is not None and not isinstance(x, str):
                raise TypeError(
                    f"jit: {name} has {option}=, whose devices belong to this process, and cannot "
                    f"be pickled; pickle the function itself, and compile it in the other process"
                )

    def flat(
        self, in_tree: tree.TreeDef, dynamic: Sequence[bool], consts: int, out_tree: tree.TreeDef
    ) -> "Placement":
        """The placement of a flat program, whose first inputs are constants.

        Args:
            in_tree: the structure of ``(args, kwargs)``.
            dynamic: which of their leaves are inputs.
            consts: the number of constants.
            out_tree: the structure of the output.
        """
        ins, outs = self.in_shardings, self.out_shardings
        is_none = lambda x: x is None
        if ins is not None:
            args, _ = tree.unflatten(in_tree, range(in_tree.num_leaves))
            ins = tree.broadcast_prefix(ins, args, is_none, "jit: in_shardings")
            rest = [None] * (len(dynamic) - len(ins))
            ins = [*[None] * consts, *compress([*ins, *rest], dynamic)]
        if outs is not None:
            full = tree.unflatten(out_tree, range(out_tree.num_leaves))
            outs = tree.broadcast_prefix(outs, full, is_none, "jit: out_shardings")
        return Placement(self.device, ins, outs)
