"""Model files that chance or somebody has changed, and what loading them comes to.

`python -m tests.archive.corruption COUNT SEED` prints it as JSON. It is a process of its own, so
that a crash is seen, memory is its own, and what Python says of code that runs can be listened to.
"""

import hashlib
import json
import math
import os
import pickle
import re
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np

HEADER = "manifest.json"
ROOM = 2**31  # bytes of address space beyond what is taken before: a bomb must not fill it
# what Python announces when code of a file could run
CODE = ("exec", "pickle.find_class", "os.system", "os.exec", "subprocess.Popen", "socket.connect")
ODD = (
    *(None, True, -1, 0, 3, 10**9, 10**30, 0.5, -1e308, "", "x", "../../evil", [], {}, [[]]),
    *([1, 2], {"a": 1}, "\0", "é" * 1000, [10**9] * 3, "normal", "mixture", 1e-300),
)


class Payload:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch covey-was-here",)


def unpacked(content):
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop(HEADER)), members


def packed(header, members, method=zipfile.ZIP_STORED, comment=b""):
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that come twice
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr(HEADER, json.dumps(header))
            archive.comment = comment
            for name, content in [*members.items()] if isinstance(members, dict) else members:
                archive.writestr(name, content)
    return buffer.getvalue()


def npy(array, **options):
    buffer = BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def declared(header, name, content, array):
    """Put content in for an array, with all that a manifest must say of it."""
    header["arrays"][name] = {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def flipped(r, content):
    found = bytearray(content)
    for place in r.integers(len(found), size=r.integers(1, 9)):
        found[place] ^= 1 << r.integers(8)
    return bytes(found)


def cut_short(r, content):
    return content[: r.integers(len(content))]


def cut_or_repeated(r, content):
    start, stop = sorted(r.integers(len(content), size=2))
    part = content[start:stop] * 2 if r.random() < 0.5 else b""
    return content[:start] + part + content[stop:]


def blanked(r, content):
    start = int(r.integers(len(content)))
    size = int(min(r.integers(1, 5000), len(content) - start))
    return content[:start] + r.bytes(1) * size + content[start + size :]


def swapped(r, content):
    header, members = unpacked(content)
    one, two = r.choice(list(members), 2, replace=False)
    members[one], members[two] = members[two], members[one]
    return packed(header, members)


def swapped_with_hashes(r, content):
    header, members = unpacked(content)
    one, two = r.choice(list(header["arrays"]), 2, replace=False)
    header["arrays"][one], header["arrays"][two] = header["arrays"][two], header["arrays"][one]
    paths = f"arrays/{one}.npy", f"arrays/{two}.npy"
    members[paths[0]], members[paths[1]] = members[paths[1]], members[paths[0]]
    return packed(header, members)


def forged_array(r, content):
    header, members = unpacked(content)
    name = str(r.choice(list(header["arrays"])))
    array = np.load(BytesIO(members[f"arrays/{name}.npy"]))
    changes = [
        lambda a: a.astype("f4" if a.dtype == "f8" else "f8"),
        lambda a: a.astype(str),
        lambda a: a[None],
        lambda a: a[:0] if a.ndim else a[None][:0],
        lambda a: np.full(a.shape, -1).astype(a.dtype),
        lambda a: np.full_like(a, 2**31 - 1) if a.dtype.kind in "iu" else np.full_like(a, np.nan),
        lambda a: np.full_like(a, 0) if a.dtype.kind in "iu" else np.full_like(a, np.inf),
        lambda a: np.full_like(a, 1e38) if a.dtype.kind == "f" else np.zeros_like(a),
        lambda a: np.concatenate([a, a]) if a.ndim else np.stack([a, a]),
        lambda a: a[::-1].copy() if a.ndim else -a,
    ]
    with np.errstate(all="ignore"):
        array = changes[r.integers(len(changes))](array)
    members[f"arrays/{name}.npy"] = npy(array)
    declared(header, name, members[f"arrays/{name}.npy"], array)
    return packed(header, members)


def forged_manifest(r, content):
    header, members = unpacked(content)
    places = []

    def visit(holder):
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], dict | list):
                visit(holder[key])

    visit(header["manifest"] if r.random() < 0.9 else header)
    for _ in range(r.integers(1, 3)):
        holder, key = places[r.integers(len(places))]
        if isinstance(holder, dict) and r.random() < 0.2:
            holder.pop(key, None)
        elif key in holder if isinstance(holder, dict) else key < len(holder):
            holder[key] = ODD[r.integers(len(ODD))]
    return packed(header, members)


def bomb(r, content):
    header, members = unpacked(content)
    kind = r.integers(4)
    huge = np.zeros(int(r.integers(10**6, 2 * 10**7)))
    name = str(r.choice(list(header["arrays"])))
    if kind == 0:  # a member that unpacks to much
        members[f"arrays/{name}.npy"] = npy(huge)
        declared(header, name, members[f"arrays/{name}.npy"], huge)
        return packed(header, members, zipfile.ZIP_DEFLATED, comment=bytes(60_000))
    if kind == 1:  # a header that promises much
        array = np.lib.stride_tricks.as_strided(np.zeros(1), (10**13,), (0,))
        start = BytesIO()
        about = {"descr": "<f8", "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(start, about)
        members[f"arrays/{name}.npy"] = start.getvalue() + bytes(64)
        declared(header, name, members[f"arrays/{name}.npy"], array)
        return packed(header, members)
    if kind == 2:  # a manifest that unpacks to much
        header["manifest"]["more"] = " " * 10**8
        return packed(header, members, zipfile.ZIP_DEFLATED)
    # sizes in the central directory that are lies
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 20] + (2**31 - 1).to_bytes(4, "little") * 2 + content[place + 28 :]


def traversal(r, content):
    header, members = unpacked(content)
    names = ("../../covey-was-here", "/tmp/covey-was-here", "..\\covey-was-here", "a/../../b")
    name = names[r.integers(len(names))]
    array = np.zeros(2)
    kind = r.integers(3)
    if kind == 0:  # beside what is listed
        members[name] = npy(array)
    elif kind == 1:  # listed as an array
        members[f"arrays/{name}.npy"] = npy(array)
        declared(header, name, npy(array), array)
    else:  # a member twice
        first = next(iter(members))
        return packed(header, [*members.items(), (first, npy(array))])
    return packed(header, members)


def pickled(r, content):
    header, members = unpacked(content)
    name, kind = str(r.choice(list(header["arrays"]))), r.integers(3)
    objects = np.array([Payload()], dtype=object)
    if kind == 0:  # as an array of objects
        members[f"arrays/{name}.npy"] = npy(objects, allow_pickle=True)
        declared(header, name, members[f"arrays/{name}.npy"], objects)
    elif kind == 1:  # as the bytes of a member
        members[f"arrays/{name}.npy"] = pickle.dumps(Payload())
        header["arrays"][name]["sha256"] = hashlib.sha256(pickle.dumps(Payload())).hexdigest()
    else:  # as the base of the model, alone or in a file of skops
        inside = pickle.dumps(Payload())
        if r.random() < 0.5:
            schema = {
                "__class__": "system",
                "__module__": "os",
                "__loader__": "FunctionNode",
                "content": "touch covey-was-here",
                "protocol": 2,
                "_skops_version": "0.16.0",
            }
            buffer = BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("schema.json", json.dumps(schema))
            inside = buffer.getvalue()
        array = np.frombuffer(inside, dtype=np.uint8)
        header["manifest"]["base"] = {"described": "a", "scikit_learn": "1.9"}
        for member in range(header["manifest"]["ensemble"]["network"]["members"]):
            members[f"arrays/base_{member}.npy"] = npy(array)
            declared(header, f"base_{member}", npy(array), array)
    return packed(header, members)


CHANCE = (flipped, cut_short, cut_or_repeated, blanked, swapped)  # the same model, or none
MALICE = (bomb, traversal, pickled)  # none
FORGERY = (swapped_with_hashes, forged_array, forged_manifest)  # any model that is sound, or none
KINDS = (*CHANCE, *MALICE, *FORGERY)


def outcome(path, rows, expected):
    """What loading a file and predicting comes to."""
    import covey

    try:
        model = covey.load(path)
    except covey.errors.CoveyError as error:
        return "refused" if len(str(error)) > 20 else "refused without a reason"
    try:
        joint = model.predict_distribution(rows)
        found = joint.mean, joint.covariance
    except covey.errors.CoveyError:
        return "refused rows"
    if not all(np.isfinite(part).all() for part in found):
        return "not finite"
    same = [np.array_equal(*pair) for pair in zip(found, expected, strict=True) if pair]
    return "same" if all(same) else "other"


def memory(name):
    """Of this process, in kilobytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1])


def main(count, seed):
    import covey
    from tests.golden import file_of, new_rows

    warnings.simplefilter("ignore")
    names = ("normal", "trees", "low_rank", "mixture", "dates")
    known = {}
    for name in names:
        rows = new_rows(name)[:3]
        joint = covey.load(file_of(name)).predict_distribution(rows)
        known[name] = file_of(name).read_bytes(), rows, (joint.mean, joint.covariance)
    from covey.archive import scikit_learn

    with suppress(covey.errors.CoveyError):  # imports what it needs, before anybody listens
        scikit_learn.from_bytes([np.zeros(3, dtype=np.uint8)])
    import resource

    limit = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    grown = 0
    heard, listening = [], [False]

    def listen(event, arguments):
        if listening[0] and event.startswith(CODE):
            heard.append(f"{event} {arguments}"[:200])

    sys.addaudithook(listen)
    counts, failures = Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        path = Path("m.covey")
        for number in range(count):
            r = np.random.default_rng([seed, number])
            kind, name = KINDS[number % len(KINDS)], names[number // len(KINDS) % len(names)]
            content, rows, expected = known[name]
            path.write_bytes(kind(r, content))
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            before, listening[0] = memory("VmRSS"), True
            try:
                found = outcome(path, rows, expected)
            except BaseException as error:
                found = f"{type(error).__name__}: {error}"[:300]
            listening[0] = False
            grown = max(grown, memory("VmHWM") - before)
            allowed = {"refused"}
            if kind not in MALICE:
                allowed |= {"same"}
            if kind in FORGERY:
                allowed |= {"other", "refused rows"}
            counts[kind.__name__, found if found in allowed else "failed"] += 1
            if found not in allowed:
                failures.append(f"{number} {kind.__name__} {name}: {found}")
        left = sorted(each.name for each in Path().iterdir())
        outside = [str(each) for each in Path("..").glob("covey-was-here*")]
    table = {f"{kind}: {found}": number for (kind, found), number in sorted(counts.items())}
    return {
        "counts": table,
        "failures": failures,
        "heard": heard,
        "left": left + outside,
        "grown_mb": math.ceil(grown / 1024),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2])), indent=1))
