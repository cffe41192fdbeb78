"""One policy on threads: sessions are shared by threads, never by processes."""

import os
import subprocess
import sys

import numpy as np

from sedflow.files.packaged import data_path
from sedflow.threads import pool, session, use_threads

GRAPH = data_path("forward.onnx")

# In a process of its own: torch, which other tests load, has threads that do not survive a fork.
_FORK = """
import multiprocessing, sys
import numpy as np, sedflow
from sedflow.threads import pool, use_threads

use_threads(2)
model, theta = sedflow.SEDModel(), sedflow.Prior().sample(600, seed=1)
flux = model.photometry(theta, 0.05, method="fast")
list(pool().map(lambda k: model.photometry(theta, 0.05, method="fast"), range(4)))

def child(k):
    used = list(pool().map(lambda k: model.photometry(theta, 0.05, method="fast"), range(4)))
    return all(np.array_equal(one, flux) for one in used)

with multiprocessing.get_context("fork").Pool(2) as workers:
    assert workers.map_async(child, range(4)).get(timeout=60) == [True] * 4
assert "torch" not in sys.modules
"""


def test_a_process_that_forks_after_use_does_not_hang():
    done = subprocess.run(
        [sys.executable, "-c", _FORK], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_graph_is_loaded_once_however_many_threads_ask():
    assert len({id(one) for one in pool().map(lambda k: session(GRAPH), range(8))}) == 1


def test_threads_that_share_a_session_get_what_they_asked_for(model, theta):
    fast, z = model.fast(), np.linspace(0.01, 0.2, 12)

    def at(redshift):
        return fast(theta, np.full(len(theta), redshift))

    for one, both in zip(map(at, z), pool().map(at, z), strict=True):
        np.testing.assert_array_equal(one, both)


def test_a_graph_has_one_thread_whatever_is_asked_for():
    use_threads(2)
    try:
        assert session(GRAPH).get_session_options().intra_op_num_threads == 1
    finally:
        use_threads(1)


_ASKED = """
import os, sedflow
sedflow.fit(sedflow.load_nsa()[72], n=100)
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""


def test_the_runtime_of_networks_tells_nobody_of_itself(tmp_path):
    """It kept an ID of the machine in the home folder, and looked for a server to tell."""
    home = {**os.environ, "HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    home.pop("XDG_CACHE_HOME", None)
    home.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=False, env=home
    )
    assert done.returncode == 0, done.stderr
    found = [path for path in tmp_path.rglob("*") if "microsoft" in str(path).lower()]
    assert not found
