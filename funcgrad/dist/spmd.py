"""spmd: one program on all ranks, each on its part of the data."""

import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.lazy import answering
from ..core import tree
from ..core.axes import Axis, axis_env, bind_axes
from ..core.config import current as settings
from ..core.errors import ShapeError, UnsupportedError, shown
from ..core.registry import load
from ..core.trace import Tracer
from ..core.tree_code import MISS
from ..transforms.arguments import check_callable
from ..transforms.jaxprs import out_avals
from ..transforms.jit.api import Compiled, jit
from ..transforms.jit.signature import Entry, Signature, entry
from .processes import current
from .ranks import Ranks, RanksDifferError, axis_of
from .replication import is_replicated


class P(tuple[Any, ...]):
    """How an array lies over ranks: for each of its axes a name of ranks, or None.

    ``P()`` is the same array on all ranks, ``P("data")`` is split along its first axis.
    """

    def __new__(cls, *names: Any) -> "P":
        return super().__new__(cls, names)

    def __repr__(self) -> str:
        return f"P{tuple(self)!r}" if len(self) != 1 else f"P({self[0]!r})"

    def split(self) -> tuple[int, str] | None:
        """The axis that is split, and the name of its ranks; None where all have the array."""
        places = [(d, name) for d, name in enumerate(self) if name is not None]
        if len(places) > 1:
            raise UnsupportedError(f"spmd: {self} splits two axes of an array; split one")
        return places[0] if places else None


@answering
def world() -> Ranks:
    """All ranks that run this program: of ``dist.launch``, of MPI under ``mpiexec``, or this alone.

    MPI needs ``pip install 'funcgrad[mpi]'``.
    """
    if (found := current.get()) is not None:
        return found
    return _mpi_world() if _under_mpi() else Ranks()


def _under_mpi() -> bool:
    names = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MPI_LOCALRANKID")
    return any(name in os.environ for name in names)


@functools.lru_cache(1)
def _mpi_world() -> Ranks:
    """The ranks of MPI.

    Raises:
        ImportError: if mpi4py is not installed.
    """
    try:
        module = load("funcgrad.dist.mpi")
    except ImportError as err:
        raise ImportError(
            f"dist.world: this process runs under MPI, but mpi4py cannot be imported ({err}): run "
            f"pip install 'funcgrad[mpi]'"
        ) from None
    return module.MPIRanks(module.MPI.COMM_WORLD)  # type: ignore[no-any-return]


@answering
def spmd(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    in_specs: Any,
    out_specs: Any,
    axes: Mapping[str, Ranks] | None = None,
) -> Any:
    """Compile a function, and run it on all ranks, each on its part of the arguments.

    All ranks call it with the same arguments. A rank gets the part that ``in_specs`` says; inside,
    ``lax.psum(x, "data")`` and the other collectives combine values of all ranks. The output is
    joined by ``out_specs``, so that all ranks return the same.

    Args:
        fun: the function of the parts.
        in_specs: a :class:`P`, or a tree of them that is a prefix of the arguments.
        out_specs: the same for the output. Where it is ``P()``, the output must be the same on all
            ranks: a value that depends on a part must pass a collective.
        axes: the ranks along each named axis; by default all, as ``{"data": dist.world()}``.

    At the first call of a signature, ranks compare their programs and the arguments that lie on all
    of them, and at each collective their calls: where they differ, all of them raise.

    Raises:
        RanksDifferError: if ranks run different programs.
        ShapeError: if ranks cannot share an axis equally.
        UnsupportedError: if an output declared ``P()`` differs between ranks.

    >>> import numpy as np, funcgrad as fg
    >>> from funcgrad import dist
    >>> mean = lambda x: fg.lax.pmean(np.mean(x), "data")
    >>> print(dist.spmd(mean, in_specs=dist.P("data"), out_specs=dist.P())(np.arange(4.0)))
    1.5
    """
    named = {"data": world()} if axes is None else axes
    if not isinstance(named, Mapping) or not all(isinstance(r, Ranks) for r in named.values()):
        raise TypeError(f"spmd: axes must be a dict of names and dist.Ranks: got {shown(axes)}" "; write axes={'data': dist.world()}")
    if fun is None:
        return lambda fun: spmd(fun, in_specs=in_specs, out_specs=out_specs, axes=named)
    check_callable("spmd", fun)
    return functools.wraps(fun)(Spmd(fun, in_specs, out_specs, named))


def _are_plain(specs: Sequence[Any], args: Sequence[Any]) -> bool:
    """Whether each argument has one spec, and those that are split are arrays."""
    pairs = zip(specs, args, strict=True)
    return all(isinstance(s, P) and (not any(s) or isinstance(x, np.ndarray)) for s, x in pairs)


def _check_concrete(x: Any) -> None:
    """Refuse a traced argument: ranks exchange the values of arrays.

    Raises:
        UnsupportedError: if it is one.
    """
    if isinstance(x, Tracer):
        raise UnsupportedError(
            "spmd: the call cannot be transformed from outside; apply grad, vmap or jit to the "
            "function inside it"
        )


def _place(path: Any) -> str:
    """An argument, and where in its tree."""
    rest = tree.keystr(path[1:])
    return f"argument {path[0].idx}" + (f" at {rest}" if rest else "")


def _digest(x: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()[:16]


def _indexed(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function after the indices of the rank along each axis."""

    def call(indices: Mapping[str, Any], *args: Any) -> Any:
        env = axis_env.get({})
        with bind_axes({name: env[name]._replace(index=i) for name, i in indices.items()}):
            return fun(*args)

    return call


class Spmd:
    """A function on all ranks, as :func:`spmd` makes it."""

    def __init__(
        self, fun: Callable[..., Any], in_specs: Any, out_specs: Any, ranks: Mapping[str, Ranks]
    ) -> None:
        self.in_specs, self.out_specs, self.ranks = in_specs, out_specs, dict(ranks)
        self.axes: dict[Any, Axis] = {name: axis_of(each) for name, each in ranks.items()}
        self.alone = all(each.size == 1 for each in ranks.values())
        # an argument, so that all ranks have one program
        indices = {name: np.int64(each.rank) for name, each in ranks.items()}
        self.before: tuple[Any, ...] = () if self.alone else (indices,)
        of_part = fun if self.alone else functools.update_wrapper(_indexed(fun), fun)
        self.step: Compiled[..., Any] = jit(of_part)
        self.entries: list[Entry] = []  # of the signatures that were compared, the newest first
        self.joins = False  # whether an output lies in parts

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.alone:  # the parts are the arguments, and so is the output
            for call in self.entries:
                if (out := call(args, kwargs)) is not MISS:
                    return out
        if kwargs:
            raise TypeError(
                f"spmd: in_specs are of positional arguments: got the keyword {next(iter(kwargs))!r}" "; give it by position"
            )
        parts = self._parts(args)
        args = *self.before, *parts
        out = next((y for y in (call(args, {}) for call in self.entries) if y is not MISS), MISS)
        if out is MISS:
            out = self._first(parts)
        return self._joined(out) if self.joins and not self.alone else out

    def _first(self, parts: tuple[Any, ...]) -> Any:
        """Call with a new signature, after all ranks have compared their programs."""
        for x in tree.leaves(parts):
            _check_concrete(x)
        # tokens of its own, so that its collectives have its label
        axes: dict[Any, Axis] = {name: axis_of(each) for name, each in self.ranks.items()}
        with bind_axes(axes):
            signature, operands = self.step._signature((*self.before, *parts), {})
            label = self._check(signature, parts)
            for axis in (*axes.values(), *self.axes.values()):
                axis.token._trace.label = f" in {label}"
            program, consts = signature.program, signature.operands
            call = entry(signature.key, program.main, consts, signature.out_tree)
            self.entries = [call, *self.entries][: settings.get().jit_cache_size]
            return tree.unflatten(signature.out_tree, program.main(*consts, *operands))

    def _specs(self, specs: Any, full: Any, who: str) -> list[P]:
        found = tree.broadcast_prefix(specs, full, lambda x: isinstance(x, P), f"spmd: {who}")
        for spec in found:
            if not isinstance(spec, P):
                raise TypeError(f"spmd: {who} must be made of dist.P: got {shown(spec)}" "; write dist.P('data'), or dist.P()")
            for name in spec:
                if name is not None and name not in self.ranks:
                    raise ValueError(f"spmd: {who} names {shown(name)}: axes has none of this name")
        return found

    def _parts(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of this rank."""
        specs = self.in_specs
        if isinstance(specs, tuple) and len(specs) == len(args) and _are_plain(specs, args):
            return tuple(
                [x if not any(s) else self._part(x, s) for x, s in zip(args, specs, strict=True)]
            )
        leaves, structure = tree.flatten(args)
        specs = self._specs(specs, args, "in_specs")
        parts = [self._part(x, spec) for x, spec in zip(leaves, specs, strict=True)]
        return tree.unflatten(structure, parts)  # type: ignore[no-any-return]

    def _part(self, x: Any, spec: P) -> Any:
        place = spec.split()
        if place is None:
            return x
        axis, name = place
        _check_concrete(x)
        ranks, x = self.ranks[name], np.asarray(x)
        if axis >= x.ndim:
            raise ShapeError(f"spmd: {spec} splits axis {axis}: got shape {x.shape}; give it P()")
        if x.shape[axis] % ranks.size:
            raise ShapeError(
                f"spmd: axis {axis} must be shared by {ranks.size} ranks: got shape {x.shape}; pad it"
            )
        return np.split(x, ranks.size, axis)[ranks.rank]

    def _told(self, signature: Signature, parts: tuple[Any, ...]) -> str:
        """The program in words, with a number made from its equations, constants and trees."""
        closed, indices = signature.closed, len(tree.leaves(self.before))
        plain = [np.asarray(x) for x in closed.consts if not hasattr(x, "aval")]
        out = tree.unflatten(signature.out_tree, [0] * len(closed.jaxpr.outvars))
        paths = [tree.keystr(path) for t in (parts, out) for path, _ in tree.leaves_with_path(t)]
        digest = hashlib.sha256(f"{closed!r} {paths}".encode())
        for x in plain:
            digest.update(np.ascontiguousarray(x).tobytes())
        avals = ", ".join(map(str, closed.in_avals[indices:]))
        return f"{signature.name}({avals}), program {digest.hexdigest()[:8]}"

    def _check_same(self, parts: tuple[Any, ...]) -> None:
        """Compare the arguments that all ranks have, before the first run.

        Raises:
            RanksDifferError: if they differ.
        """
        rows = zip(tree.leaves_with_path(parts), self._is_split(parts), strict=True)
        whole = [(path, np.asarray(x)) for (path, x), split in rows if not split]
        own = [(_place(p), _digest(x)) for p, x in whole if x.dtype.kind != "O"]
        text = "\n".join(f"{path} {digest}" for path, digest in own)
        for ranks in self.ranks.values():
            for rank, other in enumerate(texts := ranks.texts(text)):
                if other != texts[0]:
                    pairs = zip(own, texts[0].split("\n"), other.split("\n"), strict=True)
                    name = next(path for (path, _), a, b in pairs if a != b)
                    raise RanksDifferError(
                        f"spmd: {name} is declared P(), the same on all ranks, but that of rank "
                        f"{rank} is not that of rank 0: make it from the same key on all ranks"
                    )

    def _check(self, signature: Signature, parts: tuple[Any, ...]) -> str:
        """Compare the programs of all ranks; check the outputs that are declared the same.

        Returns:
            The program in words.
        """
        closed, indices = signature.closed, len(tree.leaves(self.before))
        told = self._told(signature, parts)
        for ranks in self.ranks.values():
            ranks.agree(f"runs {told}")
        if not self.alone:
            self._check_same(parts)
        same = is_replicated(closed, [*[True] * indices, *self._is_split(parts)])
        out = tree.unflatten(signature.out_tree, same)
        specs = self._specs(self.out_specs, out, "out_specs")
        self.joins |= any(map(any, specs))
        rows = zip(tree.leaves_with_path(out), out_avals(closed.jaxpr), specs, strict=True)
        for (path, fine), aval, spec in rows:
            where = f" at {tree.keystr(path)}" if path else ""
            place = spec.split()
            if place is not None and place[0] >= len(aval.shape):
                raise ShapeError(
                    f"spmd: the output{where} is declared {spec}, but has no axis {place[0]}: got "
                    f"{aval}; reshape it"
                )
            if place is None and not fine and not self.alone:
                raise UnsupportedError(
                    f"spmd: the output{where} is declared {spec}, the same on all ranks, but "
                    f"depends on the part of each; take its mean, lax.pmean(y, {self._name()!r})"
                )
        return told

    def _name(self) -> str:
        return next(iter(self.ranks))

    def _is_split(self, args: Any) -> list[bool]:
        return [s.split() is not None for s in self._specs(self.in_specs, args, "in_specs")]

    def _joined(self, out: Any) -> Any:
        """The output of all ranks."""
        leaves, structure = tree.flatten(out)
        specs = self._specs(self.out_specs, out, "out_specs")
        joined: Sequence[Any] = [
            x if (place := spec.split()) is None else self._whole(x, *place)
            for x, spec in zip(leaves, specs, strict=True)
        ]
        return tree.unflatten(structure, joined)

    def _whole(self, x: Any, axis: int, name: str) -> Any:
        trace: Any = self.axes[name].token._trace
        return trace.collective("all_gather", x, {"axis": axis, "tiled": True})
