"""What the scripts of all methods share: a job in, a line of JSON out whenever asked. NumPy alone.

Import this first: what is imported after it is what a method needs to import.
"""

import json
import os
import resource
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

BEGUN = time.perf_counter()
ADAM = 1e-3  # the learning rate of everyone who is timed at training
PREDICTED_AT_ONCE = 1024  # rows


def serve(prepare, packages):
    """Answer until there are no more questions.

    prepare(job) -> (facts, repeat): what is known once all is compiled, and what is to be timed;
    repeat() -> figures. `packages` are those whose versions matter.
    """
    imported = {"import_seconds": round(time.perf_counter() - BEGUN, 3)}
    imported["imported_mb"] = memory_mb("VmRSS")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    ready, repeat = begin(prepare, json.loads(sys.argv[1]), packages)
    print(json.dumps({**imported, **ready}), file=answers)
    for _ in iter(sys.stdin.readline, ""):
        print(json.dumps(repeat()), file=answers)
    print(json.dumps({"peak_mb": memory_mb("VmHWM")}), file=answers)


def begin(prepare, job, packages):
    """(what is known before anything is timed, what is to be timed)."""
    ready, repeat = prepare(job)
    return {**ready, "facts": {"versions": versions(packages), **ready.get("facts", {})}}, repeat


def training(make):
    """The `prepare` of those who train for some epochs, then predict all rows some times.

    make(job, X, Y) -> (facts, train, predict): train(epochs); predict() gives arrays in NumPy.
    """

    def prepare(job):
        with np.load(job["data"]) as arrays:
            X, Y = arrays["X"], arrays["Y"]
        begun = time.perf_counter()
        facts, train, predict = make(job, X, Y)
        built = time.perf_counter() - begun
        ready = {"first_train_seconds": round(built + clock(train, 1), 3)}
        if job["passes"]:
            ready["first_predict_seconds"] = clock(predict)

        def repeat():
            return {
                "train_seconds": clock(train, job["epochs"]),
                "predict_seconds": clock(lambda: [predict() for _ in range(job["passes"])]),
            }

        repeat()  # nobody's first time counts
        return {"facts": facts, **ready}, repeat

    return prepare


def clock(what, *arguments):
    """Seconds that a call takes."""
    begun = time.perf_counter()
    what(*arguments)
    return round(time.perf_counter() - begun, 5)


def memory_mb(kind):
    """Megabytes of main memory: "VmRSS" now, "VmHWM" at most so far."""
    try:
        with open("/proc/self/status") as lines:
            for line in lines:
                if line.startswith(kind):
                    return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    # not as good: of a process before this one, too, if that was larger
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def versions(packages):
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def normal_nll(mean, scale_tril, Y):
    """Mean negative log-likelihood under normals, in nats per row."""
    white = np.linalg.solve(scale_tril, (Y - mean)[:, :, None])[:, :, 0]
    logdet = np.log(np.diagonal(scale_tril, axis1=1, axis2=2)).sum(axis=1)
    d = Y.shape[1]
    return float(np.mean(logdet + 0.5 * np.square(white).sum(axis=1)) + 0.5 * d * np.log(2 * np.pi))
