"""What a reader must know of the machine; neither its name nor where anything lies on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """The processor, the cores that may be used, the accelerators, and how busy it is."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "accelerators": _accelerators(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 1),
    }


def name(found: dict[str, Any]) -> str:
    """What its results are kept under, for example "amd-epyc-2-cores"."""
    parts = [found["cpu"], f"{found['cores']} cores", *found["accelerators"]]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")


def title(found: dict[str, Any]) -> str:
    """What readers see."""
    cores = f"{found['cores']} core" + "s" * (found["cores"] != 1)
    return ", ".join([found["cpu"], cores, *found["accelerators"]])


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _accelerators() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return sorted({line.strip() for line in told.splitlines() if line.strip()})
