"""Generate text in the style of "Alice's Adventures in Wonderland" with a small transformer.

It is trained on the first nine tenths of the book, and tested on the rest in bits per character. It
is compared with n-gram counts, and then generates a few lines, decoding with a cache of keys and
values. With --folder a killed training resumes.
"""

import math
from collections import Counter, defaultdict

import numpy as np
from common import book, make_parser, positive_int, table
from training import Report, digest, train

import funcgrad as fg
from funcgrad import nn, optim

CONTEXT = 64


@nn.module
class Writer:
    """Blocks of causal attention between an embedding and its transpose."""

    embedding: nn.Module
    blocks: tuple[nn.Module, ...]
    norm: nn.Module

    def __call__(self, letters, caches=None, *, key=None):
        x, kept = self.embedding(letters), []
        for i, block in enumerate(self.blocks):
            inner = None if key is None else fg.random.fold_in(key, i)
            if caches is None:
                x = block(x, is_causal=True, key=inner)
            else:  # with the context length of training
                near = np.arange(caches[i].key.shape[1]) > caches[i].length - CONTEXT
                x, cache = block(x, is_causal=True, mask=near, cache=caches[i])
                kept.append(cache)
        logits = self.embedding.attend(self.norm(x))
        return logits if caches is None else (logits, tuple(kept))


def writer(characters, features, heads, depth, dropout):
    block = nn.TransformerBlock(features, heads, dropout=dropout, use_rotary=True)
    return Writer(
        nn.Embedding(characters, features, embedding_init=nn.init.normal(0.02)),
        (block,) * depth,
        nn.LayerNorm(features),
    )


class Windows:
    """All windows of a text, by their first index."""

    def __init__(self, text):
        self.text = text

    def __len__(self):
        return len(self.text) - CONTEXT

    def __getitem__(self, i):
        return self.text[i : i + CONTEXT + 1]


def loss_fn(model, window, key=None):
    """The mean cross-entropy, in nats, over all characters but the first."""
    return fg.losses.cross_entropy(model(window[:, :-1], key=key), window[:, 1:])


def bits(loss, model, text):
    """The bits per character of a text, in windows that do not overlap."""
    count = (len(text) - 1) // CONTEXT
    windows = np.stack([text[i * CONTEXT :][: CONTEXT + 1] for i in range(count)])
    return float(loss(model, windows)) / math.log(2)


def counted(text, others, order, characters):
    """The bits per character of an n-gram model, from counts after ``n`` characters."""
    seen = defaultdict(Counter)
    for i in range(order, len(text)):
        seen[tuple(text[i - order : i])][text[i]] += 1
    total = 0.0
    for i in range(order, len(others)):
        counts = seen[tuple(others[i - order : i])]
        likely = (counts[others[i]] + 0.1) / (counts.total() + 0.1 * characters)
        total -= math.log2(likely)
    return total / (len(others) - order)


def written(model, key, prompt, length, temperature=0.7):
    """A prompt and its continuation by a model, one character at a time."""
    caches = tuple(block.attention.init_cache(1, len(prompt) + length) for block in model.blocks)

    @fg.jit
    def step(model, letters, caches, key):
        logits, caches = model(letters, caches)
        letter = fg.random.categorical(key, logits[0, -1] / temperature)
        return letter[None, None], caches

    letters, out = prompt[None], list(prompt)
    for i in range(length):
        letters, caches = step(model, letters, caches, fg.random.fold_in(key, i))
        out.append(int(letters[0, 0]))
    return out


def main():
    parser = make_parser(__doc__, batch=32, rate=3e-3, decay=0.1, seed=0)
    parser.add_argument("--steps", type=positive_int, default=700, help="of Adam (default: 700)")
    parser.add_argument(
        "--every", type=positive_int, default=100, help="steps from checkpoint to checkpoint"
    )
    parser.add_argument("--folder", help="of checkpoints, from which a killed run resumes")
    args = parser.parse_args()

    text = book()
    alphabet = sorted(set(text))
    numbers = np.array([alphabet.index(c) for c in text])
    cut = len(numbers) * 9 // 10
    known, unknown = numbers[:cut], numbers[cut:]
    init_key, order_key, noise_key, write_key = fg.random.split(fg.random.key(args.seed), 4)
    schedule = optim.warmup_cosine_decay_schedule(0.0, args.rate, args.steps // 20, args.steps)
    optimizer = optim.chain(
        optim.clip_by_global_norm(1.0), optim.adamw(schedule, weight_decay=args.decay)
    )

    @fg.jit
    def step(state, window, i):
        key = fg.random.fold_in(noise_key, i)
        loss, grads = fg.value_and_grad(loss_fn)(state["model"], window, key)
        updates, moments = optimizer.update(grads, state["moments"], state["model"])
        return {"model": optim.apply_updates(state["model"], updates), "moments": moments}, loss

    loss = fg.jit(loss_fn)
    model = writer(len(alphabet), 96, 4, 2, 0.1).init(init_key)
    state = {"model": model, "moments": optimizer.init(model)}
    report = Report(args.steps, bits=lambda state: bits(loss, state["model"], unknown))
    loader = fg.data.Loader(Windows(known), args.batch, key=order_key)
    options = {"folder": args.folder, "every": args.every, "report": report}
    state = train(step, state, loader, args.steps, **options)
    print(f"digest of the last state   {digest(state)}")
    rows = [(f"counts of {n + 1} characters", counted(known, unknown, n, len(alphabet)))
            for n in (1, 2, 3)]  # fmt: skip
    table([("last tenth", "bits"), *rows, ("transformer", bits(loss, state["model"], unknown))])
    prompt = np.array([alphabet.index(c) for c in "Alice "])
    print("".join(alphabet[i] for i in written(state["model"], write_key, prompt, 300)))


if __name__ == "__main__":
    main()
