"""The loader: batches in an order drawn from a key, with a position that can be saved."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple, NoReturn, TypeAlias

from ..core.errors import DtypeError, FuncgradError, shown
from ..core.lazy import answering, unknown
from ..core.outline import outline
from ..random import Key, RangeError, fold_in, split
from ..random.keys import check_single
from .datasets import Collate, IterableDataset, Sampler, dataset_of, stack
from .prefetching import prefetched
from .rows import integer

Steps: TypeAlias = Generator[tuple[int, int, Any], None, None]


class Position(NamedTuple):
    """The position of a loader: a tree of integers and the key, to be saved with the model.

    Args:
        epoch: the index of the epoch.
        done: the number of batches of the epoch that have been yielded.
        batch_size: the batch size of the loader, 0 for None.
        rows: the number of rows of its data, 0 if unknown.
        key: the key of the loader, or None.

    >>> Position(epoch=1, done=20, batch_size=32, rows=1000, key=None).done
    20
    """

    epoch: int
    done: int
    batch_size: int
    rows: int
    key: Any


class MovedError(FuncgradError, RuntimeError):
    """An iteration that continues after the position of its loader was changed.

    A loop over a loader within a loop over the same loader fails; make a second loader of the same
    data.
    """


@answering
class Loader:
    """Batches of examples, epoch by epoch, with a position that can be saved and restored.

    A loop over the loader yields the remaining batches of the current epoch: a loop after a break
    continues the epoch, a loop after a full one begins the next. Equal keys give equal batches.

    Args:
        data: a tree of arrays with one leading axis; or an object with ``len`` and indexing; or an
            iterable of examples; or a function that returns an iterable for each epoch (called
            with the epoch's key if the loader has a key). Resuming an iterable skips examples.
        batch_size: int, the number of examples; None for single examples.
        key: shuffles the examples in each epoch; None keeps their order.
        drop_last: whether to drop a last batch that is not full.
        sampler: a function of the epoch's key that returns the row indices, in order.
        collate: makes a batch from a list of examples, for data that are not arrays.
        augment: ``(key, batch) -> batch``, with its own key for each batch.
        transform: ``batch -> batch``, applied after ``augment``.
        prefetch: int, the number of batches that a thread prepares in advance.

    >>> import numpy as np
    >>> loader = Loader({"x": np.arange(5.0)}, batch_size=2)
    >>> [batch["x"].tolist() for batch in loader], loader.epoch
    ([[0.0, 1.0], [2.0, 3.0], [4.0]], 1)
    """

    __getattr__ = unknown("object")

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
        if drop_last not in (0, 1) or not callable(collate):
            raise TypeError(
                f"Loader: drop_last must be True or False, and collate a function: got "
                f"{shown(drop_last)} and {shown(collate)}; leave them out for the defaults"
            )
        self._key = None if key is None else check_single("Loader", key)
        if augment is not None and key is None:
            raise RangeError("Loader: augment needs a key: give the loader key=")
        self._augment, self._transform, self._drop_last = augment, transform, drop_last
        self._dataset = dataset_of(data, key, collate, sampler)
        self._epoch = self._done = 0
        self._owner: object = None  # the iteration that advances the position
        if not isinstance(self._dataset, IterableDataset) and len(self) == 0:
            raise RangeError(
                f"Loader: drop_last leaves no batch of {self._size}: got "
                f"{self._dataset.rows} rows; use a smaller batch_size"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        parts = {"rows": self._dataset.rows, "batch_size": self._size, "key": self._key}
        known = [(name, x) for name, x in parts.items() if x is not None]
        return "Loader", [*known, ("epoch", self._epoch), ("done", self._done)]

    __repr__ = outline

    @property
    def epoch(self) -> int:
        """The index of the current epoch."""
        return self._epoch

    @property
    def done(self) -> int:
        """The number of batches of the current epoch that have been yielded."""
        return self._done

    def __len__(self) -> int:
        """The number of batches of an epoch; raise TypeError for an iterable."""
        if isinstance(self._dataset, IterableDataset):
            raise TypeError(
                "Loader: the length of an iterable is unknown; count the batches of a loop"
            )
        return self._dataset.count(self._keys(self._epoch)[0], self._size, self._drop_last)

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError(
            f"Loader: batches are made in order, and have no index: got [{index!r}]; write "
            f"next(iter(loader))"
        )

    def __iter__(self) -> Iterator[Any]:
        """Yield the remaining batches of the current epoch."""
        yield from self.stream(self._epoch + 1)

    def stream(self, epochs: int | None = None) -> Iterator[Any]:
        """Yield batches from the current position, until ``epochs`` epochs are done, or forever.

        Raises:
            MovedError: if the loader was restored, or iterated over elsewhere, meanwhile.

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
        """The batch at an index of an epoch, without a change of position.

        Raises:
            IndexError: if the epoch has no such batch.

        >>> import numpy as np
        >>> Loader(np.arange(6), 2).batch(1)
        array([2, 3])
        """
        index = integer("Loader.batch", "index", index, 0)
        for batch in self._batches(integer("Loader.batch", "epoch", epoch, 0), index):
            return batch
        raise IndexError(f"Loader.batch: epoch {epoch} has no batch {index}; count from 0")

    def state(self) -> Position:
        """The position after the last yielded batch, whatever was prefetched.

        >>> import numpy as np
        >>> loader = Loader(np.arange(6), 2, prefetch=2)
        >>> _ = next(iter(loader))
        >>> loader.state()
        Position(epoch=0, done=1, batch_size=2, rows=6, key=None)
        """
        rows = self._dataset.rows or 0
        return Position(self._epoch, self._done, self._size or 0, rows, self._key)

    def restore(self, position: Position) -> None:
        """Continue from a saved position.

        Raises:
            RangeError: if it was saved with another batch_size or number of rows.

        >>> import numpy as np
        >>> loader = Loader(np.arange(6), 2)
        >>> loader.restore(Position(0, 2, 2, 6, None))
        >>> list(loader)
        [array([4, 5])]
        """
        if not isinstance(position, Position):
            raise DtypeError(
                f"Loader.restore: the position must be a Position: got {position!r}; give the "
                f"result of state(), or io.load(path, like=loader.state())"
            )
        for name, mine in (("batch_size", self._size or 0), ("rows", self._dataset.rows or 0)):
            saved = int(getattr(position, name))
            if saved != mine:
                raise RangeError(
                    f"Loader.restore: {name} must be that of the saved loader, {saved}: got {mine}"
                )
        if (position.key is None) != (self._key is None):
            raise RangeError("Loader.restore: only one of the position and this loader has a key")
        who, (epoch, done) = "Loader.restore", map(int, position[:2])
        epoch, done = integer(who, "epoch", epoch, 0), integer(who, "done", done, 0)
        if not isinstance(self._dataset, IterableDataset) and done > len(self):
            raise RangeError(
                f"{who}: done must be at most {len(self)}, the batches of an epoch: got {done}"
            )
        self._owner, self._epoch, self._done, self._key = None, epoch, done, position.key

    def _check_owner(self, owner: object) -> None:
        if self._owner is not owner:
            raise MovedError(
                "Loader: the loader was restored or iterated over elsewhere during this loop: "
                "use one loader for each loop"
            )

    def _keys(self, epoch: int) -> Any:
        """The keys of an epoch: for its order, and for augmentation."""
        return (None, None) if self._key is None else split(fold_in(self._key, epoch))

    def _steps(self, epoch: int, done: int, end: int | None) -> Steps:
        """Yield (epoch, done, batch) with the position after the batch; a new epoch has none."""
        while end is None or epoch < end:
            for done, batch in enumerate(self._batches(epoch, done), done + 1):  # noqa: B020
                yield epoch, done, batch
            if done == 0:
                raise RangeError("Loader: the iterable gave no batch in an epoch")
            epoch, done = epoch + 1, 0
            yield epoch, done, None

    def _batches(self, epoch: int, start: int) -> Iterator[Any]:
        order_key, noise_key = self._keys(epoch)
        batches = self._dataset.batches(order_key, self._size, self._drop_last, start)
        for index, batch in enumerate(batches, start):
            if self._augment is not None:
                batch = self._augment(fold_in(noise_key, index), batch)
            yield batch if self._transform is None else self._transform(batch)
