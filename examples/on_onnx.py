"""Export a trained classifier of digits, with its preprocessing, as a model of ONNX.

onnxruntime reads it without Python or this library, for batches of all sizes.
"""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np
from common import load, make_parser, split

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    return fg.losses.cross_entropy(model(x), y)


def main():
    parser = make_parser(__doc__, epochs=100, rate=1e-2, seed=0)
    args = parser.parse_args()
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"skipped: {missing[0]} is not installed: pip install onnx onnxruntime")
        return
    import onnxruntime

    (x, y), (x_test, y_test) = split(*load("digits"), seed=args.seed)
    model = nn.Sequential(nn.Dense(64, 64, activation=nn.relu), nn.Dense(64, 10))
    model = model.init(fg.random.key(args.seed))
    optimizer = optim.adam(args.rate)
    state = optimizer.init(model)

    @fg.jit
    def step(model, state):
        updates, state = optimizer.update(fg.grad(loss_fn)(model, x / 16, y), state, model)
        return optim.apply_updates(model, updates), state

    for _ in range(args.epochs):
        model, state = step(model, state)

    def probabilities(pixels):
        return nn.softmax(model(pixels / 16))  # pixels are 0 to 16

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        fg.export.onnx(probabilities, x[:8], batch_axes=0, path=path)
        session = onnxruntime.InferenceSession(path.read_bytes())
    for n in (1, 32, len(x_test)):
        (p,) = session.run(None, {"pixels": x_test[:n]})
        print(f"batch of {n:3}: against NumPy  {np.abs(p - probabilities(x_test[:n])).max():.1e}")
    print(f"test accuracy in onnxruntime  {np.mean(p.argmax(1) == y_test):.3f}")


if __name__ == "__main__":
    main()
