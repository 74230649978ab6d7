"""One library and one workload in a process of its own: measures what ``suite.py`` asks for.

A request is one line of JSON on standard input, ``{"do": "time", "calls": 20}``, its answer one
line on standard output. Each request starts from fresh copies of the inputs.
"""

import gc
import json
import os
import resource
import statistics
import sys
import time
import tracemalloc

import numpy as np
from inputs import CARRIED, INPUTS
from libraries import LIBRARIES
from workload import MissingError, tree_map

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # what getrusage counts in
WARM = 3  # calls before a measurement


def leaves(tree):
    found = []
    tree_map(lambda x: found.append(np.asarray(x.detach() if hasattr(x, "detach") else x)), tree)
    return found


def usage(field):
    return getattr(resource.getrusage(resource.RUSAGE_SELF), field)


def numpy_bytes():
    """Return the bytes that living arrays of NumPy take, as tracemalloc knows them."""
    gc.collect()
    domain = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
    traces = tracemalloc.take_snapshot().filter_traces([domain]).traces
    return sum(trace.size for trace in traces)


class Calls:
    """Calls of one step, one after the other; a training's state goes from call to call."""

    def __init__(self, library, workload, step=None):
        self.library, self.carried = library, workload in CARRIED
        self.step = step or library.step(workload)
        self.args = library.arrays(INPUTS[workload]())

    def once(self):
        out = self.library.ready(self.step(*self.args))
        if self.carried:
            self.args = (out[0], *self.args[1:])
        return out

    def many(self, count):
        for _ in range(count):
            self.once()


class Session:
    """What can be asked for: each public method answers one kind of request."""

    def __init__(self, library, workload):
        self.library, self.workload = LIBRARIES[library](), workload
        self.step = self.library.step(workload)
        self.rss = usage("ru_maxrss")

    def calls(self, fresh=False):
        return Calls(self.library, self.workload, None if fresh else self.step)

    def about(self):
        return {"version": self.library.version}

    def check(self, path):
        """Save the leaves of the second call's result."""
        calls = self.calls()
        calls.once()
        np.savez(path, *leaves(calls.once()))
        return {}

    def first(self, times):
        """Return the seconds of first calls, each of a fresh function; trace and compile."""
        if not self.library.compiles:
            return {"seconds": None}
        one = self.library.arrays((np.ones(3, np.float32),))
        self.library.ready(self.library.jit(lambda x: x + 1)(*one))  # the machinery's own start
        seconds = []
        for _ in range(times):
            calls = self.calls(fresh=True)
            start = time.perf_counter()
            calls.once()
            seconds.append(time.perf_counter() - start)
        return {"seconds": statistics.median(seconds)}

    def time(self, calls):
        """Return the median seconds of a warm call, and how many cores were busy."""
        run, seconds = self.calls(), []
        run.once()
        cpu, begin = time.process_time(), time.perf_counter()
        for _ in range(calls):
            start = time.perf_counter()
            run.once()
            seconds.append(time.perf_counter() - start)
        cores = (time.process_time() - cpu) / (time.perf_counter() - begin)
        return {"seconds": statistics.median(seconds), "cores": cores}

    def memory(self):
        """Return the bytes one warm call takes, and by how much the process has grown."""
        grown = (usage("ru_maxrss") - self.rss) * RSS_UNIT
        if self.library.on_numpy:
            peak = self.traced_peak()
        elif hasattr(self.library, "planned"):
            peak = self.library.planned(self.step, self.calls().args)
        else:
            peak = None
        return {"peak": peak, "rss": grown}

    def traced_peak(self):
        """Return the peak in a warm call, and the arrays a fresh function holds between calls."""
        tracemalloc.start()
        run = self.calls(fresh=True)
        before = numpy_bytes()
        run.many(WARM)
        held = numpy_bytes() - before
        tracemalloc.reset_peak()
        start, _ = tracemalloc.get_traced_memory()
        run.once()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return held + peak - start

    def steady(self, calls):
        """Return minor page faults, and growth of traced memory, over warm calls."""
        run = self.calls()
        run.many(WARM)
        faults = usage("ru_minflt")
        run.many(calls)
        faults = usage("ru_minflt") - faults
        tracemalloc.start()
        run.many(WARM)
        gc.collect()
        start, _ = tracemalloc.get_traced_memory()
        run.many(calls)
        gc.collect()
        growth = tracemalloc.get_traced_memory()[0] - start
        tracemalloc.stop()
        return {"faults": faults, "growth": growth}


def stay_on_one_core():
    """Keep the process, and the pools of threads it will start, on one core."""
    # XLA's flags alone leave its own pool as wide as the machine
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def serve(library, workload):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    stay_on_one_core()
    try:
        session = Session(library, workload)
    except (MissingError, ImportError) as err:
        print(json.dumps({"missing": str(err)}), file=answers)
        return
    print(json.dumps(session.about()), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(session, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    serve(*sys.argv[1:])
