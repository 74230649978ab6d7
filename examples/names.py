"""Classify first names as women's or men's with a recurrent network over letters.

A bidirectional GRU reads padded batches of names. It is compared with the more common answer for
the last two letters. With --folder a killed training resumes.
"""

from collections import Counter

import numpy as np
from common import make_parser, names, split, table
from training import Report, digest, train

import funcgrad as fg
from funcgrad import nn, optim

LETTERS = 27  # 26, and 0 for padding


def encoded(words):
    """Letters as integers from 1 on, [words, longest], and the lengths."""
    lengths = np.array([len(w) for w in words])
    letters = np.zeros((len(words), 11), np.int64)
    for row, word in zip(letters, words, strict=True):
        row[: len(word)] = [ord(c) - ord("a") + 1 for c in word]
    return letters, lengths


@nn.module
class Reader:
    """Read a word in both directions, and map the final states to a logit."""

    embedding: nn.Module
    recurrent: nn.Module
    head: nn.Module
    dropout: nn.Module

    def __call__(self, letters, lengths, *, key=None):
        keys = [None] * 3 if key is None else fg.random.split(key, 3)
        x = self.dropout(self.embedding(letters), key=keys[0])
        _, states = self.recurrent(x, lengths=lengths, return_state=True, key=keys[1])
        ends = np.concatenate(states[-2:], -1)  # of the last layer, both directions
        return self.head(self.dropout(ends, key=keys[2]))[..., 0]


SPEC = Reader(
    nn.Embedding(LETTERS, 32),
    nn.GRU(32, 64, num_layers=2, bidirectional=True, dropout=0.4),
    nn.Dense(128, 1),
    nn.Dropout(0.4),
)


def loss_fn(model, batch, key=None):
    logits = model(batch["letters"], batch["lengths"], key=key)
    return fg.losses.binary_cross_entropy_with_logits(logits, batch["y"])


def by_endings(words, y, others):
    """The predictions for other words by the more common answer for their last two letters."""
    counts = {}
    for word, answer in zip(words, y, strict=True):
        counts.setdefault(word[-2:], Counter())[answer] += 1
    common = Counter(y).most_common(1)[0][0]
    return [counts[w[-2:]].most_common(1)[0][0] if w[-2:] in counts else common for w in others]


def main():
    parser = make_parser(__doc__, epochs=40, batch=64, rate=3e-3, decay=1e-2, seed=0)
    parser.add_argument("--folder", help="of checkpoints, from which a killed run resumes")
    args = parser.parse_args()

    words, y = names()
    (words, y), (test_words, test_y) = split(words, y, seed=args.seed)
    arrays = dict(zip(("letters", "lengths"), encoded(words), strict=True), y=y)
    test = dict(zip(("letters", "lengths"), encoded(test_words), strict=True), y=test_y)
    init_key, order_key, noise_key = fg.random.split(fg.random.key(args.seed), 3)
    loader = fg.data.Loader(arrays, args.batch, key=order_key, drop_last=True)
    steps = args.epochs * len(loader)
    schedule = optim.cosine_decay_schedule(args.rate, steps)
    optimizer = optim.adamw(schedule, weight_decay=args.decay)

    @fg.jit
    def step(state, batch, i):
        key = fg.random.fold_in(noise_key, i)
        loss, grads = fg.value_and_grad(loss_fn)(state["model"], batch, key)
        updates, moments = optimizer.update(grads, state["moments"], state["model"])
        return {"model": optim.apply_updates(state["model"], updates), "moments": moments}, loss

    predict = fg.jit(lambda model, letters, lengths: model(letters, lengths) > 0)

    def accuracy(state):
        guess = predict(state["model"], test["letters"], test["lengths"])
        return float(np.mean(guess == test_y))

    model = SPEC.init(init_key)
    state = {"model": model, "moments": optimizer.init(model)}
    report, every = Report(steps, accuracy=accuracy), len(loader)
    state = train(step, state, loader, steps, folder=args.folder, every=every, report=report)
    print(f"digest of the last state   {digest(state)}")
    baseline = float(np.mean(np.array(by_endings(words, y, test_words)) == test_y))
    table([("test", "accuracy"), ("last two letters", baseline), ("network", accuracy(state))])


if __name__ == "__main__":
    main()
