"""A training script: data, model, optimizer, compiled step, early stopping and checkpoints."""

import tempfile
from typing import Any

import numpy as np

import funcgrad as fg
from funcgrad import data, io, losses, nn, optim, train


@nn.module
class Classifier(nn.Module):
    """Two layers with dropout and batch norm between them."""

    hidden: nn.Dense
    norm: nn.BatchNorm
    dropout: nn.Dropout
    out: nn.Dense

    def __call__(self, x: nn.Array, *, key: fg.random.Key | None = None) -> nn.Array:
        h = self.norm(nn.relu(self.hidden(x)), key=key)
        y: nn.Array = self.out(self.dropout(h, key=key))
        return y


def loss(model: Classifier, x: nn.Array, y: nn.Array, key: fg.random.Key) -> tuple[Any, Classifier]:
    logits, model = nn.apply(model, x, key=key)
    return losses.cross_entropy(logits, y), model


optimizer = optim.chain(
    optim.clip_by_global_norm(1.0),
    optim.adamw(optim.cosine_decay_schedule(1e-2, 100), weight_decay=1e-4),
)


@fg.jit
def step(
    model: Classifier, state: Any, x: nn.Array, y: nn.Array, key: fg.random.Key
) -> tuple[Classifier, Any, Any]:
    (value, model), grads = fg.value_and_grad(loss, has_aux=True)(model, x, y, key)
    updates, state = optimizer.update(grads, state, model)
    return optim.apply_updates(model, updates), state, value


def main() -> None:
    draw, init, shuffle = fg.random.split(fg.random.key(0), 3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    y = (x.sum(1) > 0).astype(np.int32)
    model = Classifier(
        nn.Dense(4, 8), nn.BatchNorm(8), nn.Dropout(0.1), nn.Dense(8, 2, use_bias=False)
    ).init(init)
    state = optimizer.init(model)
    stopping = train.EarlyStopping(patience=3)
    best = stopping.init(model)
    metrics = train.Metrics.of("loss")
    loader = data.Loader({"x": x, "y": y}, 32, key=shuffle)
    with tempfile.TemporaryDirectory() as folder:
        manager = io.CheckpointManager(folder, keep=2)
        for epoch in range(2):
            for i, batch in enumerate(loader):
                key = fg.random.fold_in(draw, 100 * epoch + i)
                model, state, value = step(model, state, batch["x"], batch["y"], key)
                metrics = metrics.update(loss=value)
            best = stopping.update(best, metrics["loss"].mean, model)
            manager.save(epoch, {"model": model, "state": state})
            if best.stop:
                break
    accuracy: float = float(train.accuracy(model(x), y))
    print(f"accuracy {accuracy:.2f}, {nn.count_params(model)} parameters")


main()
