"""One library in a process of its own, for all workloads: does what the driver asks.

A request is one line of JSON on standard input, ``{"do": "time", "calls": 20}``, its answer one
line on standard output.
"""

import gc
import json
import os
import sys
import time

import numpy as np

from .agreement import host
from .families import WORKLOADS
from .peers import PEERS
from .workload import MissingError, leaves


class Session:
    """What can be asked for: each public method answers one kind of request."""

    def __init__(self, peer):
        self.peer = PEERS[peer]()

    def about(self):
        return {"version": self.peer.version}

    def load(self, workload, size, seed, path):
        """Make the step of a workload, call it once, save the leaves of its result.

        The first call traces and compiles; its seconds are wall time.
        """
        self.step = self.inputs = None
        self.peer.forget()
        gc.collect()
        self.workload = WORKLOADS[workload]
        self.inputs = self.workload.arguments(size, seed)
        self.step = self.peer.step(self.workload)
        args = self.peer.arrays(self.inputs)
        start = time.perf_counter()
        out = self.peer.ready(self.step(*args))
        seconds = time.perf_counter() - start
        np.savez(path, *(host(x) for x in leaves(out)))
        return {"first": seconds}

    def time(self, calls):
        """Seconds of a warm call, the mean of so many, in time of this process."""
        args, step, ready = self.peer.arrays(self.inputs), self.step, self.peer.ready
        rest, carried = args[1:], self.workload.carried
        out = ready(step(*args))
        start = time.process_time()
        for _ in range(calls):
            if carried:
                args = (out[0], *rest)
            out = ready(step(*args))
        return {"seconds": (time.process_time() - start) / calls}


def stay_on_one_core():
    """Keep the process, and the pools of threads it will start, on one core."""
    # XLA's flags alone leave its own pool as wide as the machine
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def answer(session, request):
    try:
        return getattr(session, request.pop("do"))(**request)
    except MissingError as err:
        return {"missing": str(err)}
    except Exception as err:  # the driver reports it and goes on
        return {"missing": " ".join(f"{type(err).__name__}: {err}".split())[:160]}


def serve(peer):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library's own printing is no answer
    stay_on_one_core()
    try:
        session = Session(peer)
    except ImportError as err:
        print(json.dumps({"missing": str(err)}), file=answers)
        return
    print(json.dumps(session.about()), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(session, json.loads(line))), file=answers)


if __name__ == "__main__":
    serve(*sys.argv[1:])
