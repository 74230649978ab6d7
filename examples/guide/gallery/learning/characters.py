"""
A small character model
=======================

A network predicts the next character of "Alice's Adventures in Wonderland" from the six before it,
each of which is a vector that is learnt too. It beats counts of pairs of characters on a part of
the book that it has not seen. The pictures show its loss, and the vectors of the common letters in
the plane in which they vary most: vowels lie together.
"""

import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

root = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "examples/data").is_dir())
text = gzip.decompress((root / "examples/data/alice.txt.gz").read_bytes()).decode().lower()
alphabet, codes = np.unique(list(" ".join(text.split())), return_inverse=True)
windows = np.lib.stride_tricks.sliding_window_view(codes, 7)
train, test = windows[:-10_000], windows[-10_000:]

embedding, hidden = nn.Embedding(len(alphabet), 12), nn.Dense(72, 128, activation=nn.relu)
model = nn.Sequential(embedding, nn.Flatten(), hidden, nn.Dense(128, len(alphabet)))
model = model.init(fg.random.key(0))
loss = lambda model, w: fg.losses.cross_entropy(model(w[:, :-1]), w[:, -1])
optimizer = optim.adam(optim.cosine_decay_schedule(0.01, 2000))
gradient, update = fg.jit(fg.value_and_grad(loss)), fg.jit(optimizer.update)
state, losses, rng = optimizer.init(model), [], np.random.default_rng(0)
for _ in range(2000):
    value, grads = gradient(model, train[rng.integers(0, len(train), 128)])
    updates, state = update(grads, state, model)
    model = optim.apply_updates(model, updates)
    losses.append(value)

counts = np.ones((len(alphabet), len(alphabet)))
np.add.at(counts, (train[:, -2], train[:, -1]), 1)
pairs = -np.mean(np.log(counts / counts.sum(axis=1, keepdims=True))[test[:, -2], test[:, -1]])
found, letters = loss(model, test), "abcdefghilmnoprstuwy"
vectors = model.layers[0].embedding[np.searchsorted(alphabet, list(letters))]
u, s, _ = np.linalg.svd(vectors - vectors.mean(axis=0))
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.plot(losses, linewidth=0.5)
left.axhline(pairs, color="C1", label="counts of pairs")
left.axhline(found, color="C2", label="network, unseen text")
left.set(xlabel="step of Adam", ylabel="loss in nats a character", ylim=(1.2, 3.5))
left.legend()
right.scatter(u[:, 0] * s[0], u[:, 1] * s[1], s=0)
for letter, place in zip(letters, u[:, :2] * s[:2], strict=True):
    right.annotate(letter, place, color="C1" if letter in "aeiouy" else "C0", fontsize=14)
right.set(xlabel="first principal axis", ylabel="second principal axis", title="Letters")
print(f"unseen text: {found:.3f} nats a character, by counts of pairs {pairs:.3f}")
assert found < pairs - 0.4
plt.show()
