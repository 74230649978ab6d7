"""The loader: batches in an order that a key decides, from a position that can be saved."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple, TypeAlias

from ..core.errors import DtypeError, FuncgradError
from ..random import Key, RangeError, fold_in, split
from ..random.keys import single
from .datasets import Collate, IterableDataset, Sampler, source_of, stack
from .prefetching import prefetched
from .rows import integer

Steps: TypeAlias = Generator[tuple[int, int, Any], None, None]


class Position(NamedTuple):
    """Where a loader stands, a tree of a few integers and the key: save it with the model.

    Args:
        epoch: the number of the epoch, from 0.
        done: how many batches of it have been handed out.
        batch_size: of the loader, 0 for none; another one cannot go on from here.
        rows: of its data, 0 where they are not known.
        key: of the loader, or None.

    >>> Position(epoch=1, done=20, batch_size=32, rows=1000, key=None).done
    20
    """

    epoch: int
    done: int
    batch_size: int
    rows: int
    key: Any


class MovedError(FuncgradError, RuntimeError):
    """An iteration that goes on after the loader was moved.

    A second loop over a loader inside a loop over the same one would take its batches; make a
    second loader of the same data.
    """


class Loader:
    """Batches of examples, epoch by epoch; it can be saved and restored at any of them.

    A loop over the loader gives what is left of the present epoch, so a loop that was left goes
    on where it was, and the next begins a new epoch. Same key, same batches.

    Args:
        data: a tree of arrays with one leading axis; or an object with ``len`` and numbered
            examples; or an iterable of examples, or a function that makes one for each epoch
            (called with the epoch's key if the loader has one), gone through again to resume.
        batch_size: examples in a batch; None for single ones, without a leading axis.
        key: shuffles the examples anew in each epoch; None keeps their order.
        drop_last: whether a last batch that is not full is left out.
        sampler: a function of the epoch's key that returns the numbers of its rows, in order.
        collate: makes a batch of a list of examples, which are not rows of arrays.
        augment: ``(key, batch) -> batch``, each batch having a key of its own.
        transform: ``batch -> batch``, after that.
        prefetch: how many batches a thread makes ahead of their use.

    >>> import numpy as np
    >>> loader = Loader({"x": np.arange(5.0)}, batch_size=2)
    >>> [batch["x"].tolist() for batch in loader], loader.epoch
    ([[0.0, 1.0], [2.0, 3.0], [4.0]], 1)
    """

    def __init__(
        self,
        data: Any,
        batch_size: int | None,
        *,
        key: Key | None = None,
        drop_last: bool = False,
        sampler: Sampler | None = None,
        collate: Collate = stack,
        augment: Callable[[Key, Any], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        prefetch: int = 0,
    ) -> None:
        self._size = None if batch_size is None else integer("Loader", "batch_size", batch_size, 1)
        self._prefetch = integer("Loader", "prefetch", prefetch, 0)
        self._key = None if key is None else single("Loader", key)
        if augment is not None and key is None:
            raise RangeError("Loader: augment needs a key for each batch: give the loader one")
        self._augment, self._transform, self._drop_last = augment, transform, drop_last
        self._source = source_of(data, key, collate, sampler)
        self._epoch = self._done = 0
        self._owner: object = None  # the iteration that moves the position
        if not isinstance(self._source, IterableDataset) and len(self) == 0:
            raise RangeError(
                f"Loader: drop_last leaves no batch of {self._size}: there are only "
                f"{self._source.rows} rows; use a smaller batch_size"
            )

    @property
    def epoch(self) -> int:
        """The number of the present epoch, from 0."""
        return self._epoch

    @property
    def done(self) -> int:
        """How many batches of the present epoch have been handed out."""
        return self._done

    def __len__(self) -> int:
        """How many batches an epoch has; raise TypeError if its source does not tell."""
        if isinstance(self._source, IterableDataset):
            raise TypeError("Loader: the length is not known: the examples come from an iterable")
        return self._source.count(self._keys(self._epoch)[0], self._size, self._drop_last)

    def __iter__(self) -> Iterator[Any]:
        """Yield what is left of the present epoch."""
        yield from self.stream(self._epoch + 1)

    def stream(self, epochs: int | None = None) -> Iterator[Any]:
        """Yield batches from the present position on, up to so many epochs in all, or for ever.

        Raises:
            MovedError: if the loader was restored, or iterated over elsewhere, in between.

        >>> import numpy as np
        >>> loader = Loader(np.arange(3), 2)
        >>> [batch.tolist() for batch in loader.stream(epochs=2)]
        [[0, 1], [2], [0, 1], [2]]
        """
        owner = self._owner = object()
        steps = self._steps(self._epoch, self._done, epochs)
        if self._prefetch:
            steps = prefetched(steps, self._prefetch)
        with closing(steps):
            while True:
                self._check_owner(owner)
                step = next(steps, None)
                if step is None:
                    return
                self._epoch, self._done, batch = step
                if self._done:
                    yield batch

    def batch(self, index: int, epoch: int = 0) -> Any:
        """A batch by its number, without moving; of an iterable, by going through it.

        Raises:
            IndexError: if the epoch has no such batch.

        >>> import numpy as np
        >>> Loader(np.arange(6), 2).batch(1)
        array([2, 3])
        """
        index = integer("Loader.batch", "index", index, 0)
        for batch in self._batches(integer("Loader.batch", "epoch", epoch, 0), index):
            return batch
        raise IndexError(f"Loader.batch: there is no batch {index} in epoch {epoch}")

    def state(self) -> Position:
        """The position: after the last batch handed out, however many were prefetched.

        >>> import numpy as np
        >>> loader = Loader(np.arange(6), 2, prefetch=2)
        >>> _ = next(iter(loader))
        >>> loader.state()
        Position(epoch=0, done=1, batch_size=2, rows=6, key=None)
        """
        rows = self._source.rows or 0
        return Position(self._epoch, self._done, self._size or 0, rows, self._key)

    def restore(self, position: Position) -> None:
        """Go to a position: the batches that follow are those that followed it.

        Raises:
            RangeError: if it belongs to a loader of another batch_size, or of other rows.

        >>> import numpy as np
        >>> loader = Loader(np.arange(6), 2)
        >>> loader.restore(Position(0, 2, 2, 6, None))
        >>> list(loader)
        [array([4, 5])]
        """
        if not isinstance(position, Position):
            raise DtypeError(
                f"Loader.restore: a Position is needed: got {position!r}; give what state() "
                f"returned, or io.load(path, like=loader.state())"
            )
        for name, mine in (("batch_size", self._size or 0), ("rows", self._source.rows or 0)):
            saved = int(getattr(position, name))
            if saved != mine:
                raise RangeError(
                    f"Loader.restore: {name} was {saved} where the position was saved: this "
                    f"loader's is {mine}; make it as that one was"
                )
        if (position.key is None) != (self._key is None):
            raise RangeError("Loader.restore: one of the position and this loader has no key")
        who, (epoch, done) = "Loader.restore", map(int, position[:2])
        epoch, done = integer(who, "epoch", epoch, 0), integer(who, "done", done, 0)
        if not isinstance(self._source, IterableDataset) and done > len(self):
            raise RangeError(f"{who}: done must be at most {len(self)}, an epoch: got {done}")
        self._owner, self._epoch, self._done, self._key = None, epoch, done, position.key

    def _check_owner(self, owner: object) -> None:
        if self._owner is not owner:
            raise MovedError(
                "Loader: it was restored, or another loop over it began, while this one was on; "
                "use a loader for each loop"
            )

    def _keys(self, epoch: int) -> Any:
        """The keys of an epoch: of its order, and of what its batches draw."""
        return (None, None) if self._key is None else split(fold_in(self._key, epoch))

    def _steps(self, epoch: int, done: int, end: int | None) -> Steps:
        """Yield batches, each after the position behind it; a new epoch without a batch."""
        while end is None or epoch < end:
            for done, batch in enumerate(self._batches(epoch, done), done + 1):  # noqa: B020
                yield epoch, done, batch
            if done == 0:
                raise RangeError(
                    "Loader: the iterable gave no batch in an epoch; make it give examples"
                )
            epoch, done = epoch + 1, 0
            yield epoch, done, None

    def _batches(self, epoch: int, start: int) -> Iterator[Any]:
        order_key, noise_key = self._keys(epoch)
        batches = self._source.batches(order_key, self._size, self._drop_last, start)
        for index, batch in enumerate(batches, start):
            if self._augment is not None:
                batch = self._augment(fold_in(noise_key, index), batch)
            yield batch if self._transform is None else self._transform(batch)
