"""Classify handwritten digits with a convolutional network: residual blocks, batch norm, dropout.

The images are shifted by up to a pixel at random, so that the network learns shapes and not
positions. With --folder a killed training resumes.
"""

import numpy as np
from common import load, make_parser, split, summarize
from training import Report, digest, train

import funcgrad as fg
from funcgrad import nn, optim


def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv(inputs, outputs, (3, 3), use_bias=False),
        nn.BatchNorm(outputs, momentum=0.9),
        nn.relu,
    )


SPEC = nn.Sequential(
    block(1, 32),
    nn.Residual(block(32, 32)),
    nn.MaxPool((2, 2)),
    block(32, 64),
    nn.Residual(block(64, 64)),
    nn.Dropout(0.3),
    nn.global_avg_pool,
    nn.Dense(64, 10),
)


def moved(key, x):
    """Shift images [N, 8, 8, 1] by up to a pixel along both axes."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    down, right = fg.random.randint(key, (2, len(x)), 0, 3)
    pixel = np.arange(8)
    rows, columns = down[:, None] + pixel, right[:, None] + pixel
    return wide[np.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]


def loss_fn(params, rest, batch, key):
    """The mean cross-entropy in training, and the updated untrained leaves."""
    (x, y), (move_key, drop_key) = batch, fg.random.split(key)
    logits, model = nn.apply(nn.combine(params, rest), moved(move_key, x), key=drop_key)
    return fg.losses.cross_entropy(logits, y), nn.partition(model)[1]


def main():
    parser = make_parser(__doc__, epochs=30, batch=64, rate=3e-3, decay=1e-2, seed=0)
    parser.add_argument("--folder", help="of checkpoints, from which a killed run resumes")
    args = parser.parse_args()

    x, y = load("digits")
    train_set, test_set = split(np.float32(x).reshape(-1, 8, 8, 1) / 16, y, seed=args.seed)
    init_key, order_key, noise_key = fg.random.split(fg.random.key(args.seed), 3)
    loader = fg.data.Loader(train_set, args.batch, key=order_key, drop_last=True)
    steps = args.epochs * len(loader)
    schedule = optim.cosine_decay_schedule(args.rate, steps)
    optimizer = optim.adamw(schedule, weight_decay=args.decay)
    model = SPEC.init(init_key)

    @fg.jit
    def step(state, batch, i):
        params, rest = nn.partition(state["model"])
        key = fg.random.fold_in(noise_key, i)
        gradient = fg.value_and_grad(loss_fn, has_aux=True)
        (loss, rest), grads = gradient(params, rest, batch, key)
        updates, moments = optimizer.update(grads, state["moments"], params)
        params = optim.apply_updates(params, updates)
        return {"model": nn.combine(params, rest), "moments": moments}, loss

    predict = fg.jit(lambda model, x: np.argmax(model(x), axis=-1))
    accuracy = lambda model, x, y: float(np.mean(predict(model, x) == y))
    report = Report(steps, accuracy=lambda state: accuracy(state["model"], *test_set))
    state = {"model": model, "moments": optimizer.init(nn.partition(model)[0])}
    every = len(loader)
    state = train(step, state, loader, steps, folder=args.folder, every=every, report=report)
    print(f"digest of the last state   {digest(state)}")
    sets = {"train": train_set, "test": test_set}
    summarize("digits", state["model"], sets, accuracy=accuracy)


if __name__ == "__main__":
    main()
