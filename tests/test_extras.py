"""Without the extras: each command and each public entry ends in a result or in one sentence."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sedflow.cli import main
from sedflow.errors import MissingLibrary, SedflowError, needs

ROOT = Path(__file__).parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
MODULES = {"astro-sedpy": "sedpy", "zeus-mcmc": "zeus"}  # that are not named like their package


def modules(extra):
    """What an extra brings that the core does not."""
    names = (line.split(">=")[0].split("==")[0] for line in EXTRAS[extra])
    return {MODULES.get(name, name) for name in names}


OPTIONAL = set().union(
    *(modules(extra) for extra in ("app", "filters", "fsps", "mcmc", "scale", "train"))
)
_BLOCKED = '''
import sys

class Without:
    """A finder that finds some no more, as if they were not installed."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
'''


def without(code, *arguments, absent=OPTIONAL, cwd=None):
    """A process in which modules cannot be imported."""
    command = [sys.executable, "-c", _BLOCKED.format(absent=sorted(absent)) + code, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=cwd
    )


# Each command in one process: what none of them may import is not there for any.
_COMMANDS = """
import json, sys, traceback
from click.testing import CliRunner
from sedflow.cli import main

for arguments in json.loads(sys.argv[1]):
    found = CliRunner().invoke(main, arguments)
    said = found.output
    if not isinstance(found.exception, (SystemExit, type(None))):
        said += "".join(traceback.format_exception(found.exception))
    print(json.dumps([found.exit_code, said]))
"""
_CSV = "id,z,flux_r,flux_err_r,flux_g,flux_err_g\n7,0.05,12.5,0.1,11,0.1\n"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """(exit code, what it said) of each command that a test here tries, by its arguments."""
    folder = tmp_path_factory.mktemp("extras")
    (folder / "g.csv").write_text(_CSV)
    (folder / "g.parquet").write_bytes(b"PAR1")
    places = {"table": folder / "g.csv", "parquet": folder / "g.parquet"}
    places |= {"out": folder / "out", "folder": folder / "site"}
    asked = [*(arguments for arguments, *_ in REFUSED.values()), *WORKING]
    filled = [[word.format(**places) for word in arguments] for arguments in asked]
    done = without(_COMMANDS, json.dumps(filled))
    assert done.returncode == 0, done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return {tuple(arguments): one for arguments, one in zip(asked, found, strict=True)}


REFUSED = {
    "infer": (["infer", "{table}", "-o", "{out}", "--unit", "nmgy"], "scale", "pyarrow"),
    "infer, a Parquet file": (["infer", "{parquet}", "--preview"], "scale", "pyarrow"),
    "report": (["report", "{out}"], "scale", "pyarrow"),
    "population": (["population", "{out}"], "scale", "pyarrow"),
    "serve": (["serve", "--port", "1"], "app", "panel and bokeh and contourpy"),
    "show": (["show", "72", "--figure", "{out}.png"], "app", "corner"),
    "figures": (["figures", "--output", "{out}"], "app", "corner"),
    "validate": (["validate", "--output", "{out}"], "app", "corner"),
    "train": (["train", "--output", "{out}"], "train", "torch and zuko and sbi and onnx"),
    "export": (["export", "nsa-ugriz-fsps", "--output", "{out}"], "train", "torch and onnx"),
    "grid": (["grid", "--source", "fsps", "-o", "{out}.h5"], None, "fsps"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_a_command_names_the_extra_that_it_lacks(name, outcomes):
    arguments, extra, library = REFUSED[name]
    code, said = outcomes[tuple(arguments)]
    assert code == 1, said
    assert "Traceback" not in said
    assert library in said
    if extra:
        assert f"pip install 'sedflow-explorer[{extra}]'" in said
        assert set(library.split(" and ")) <= modules(extra)


WORKING = [
    ["show", "72", "--draws", "200"],
    ["nsa"],
    ["compare", "72", "--grids", "fsps,bc03", "--draws", "200"],
    ["infer", "{table}", "--unit", "nmgy", "--preview"],
    ["site", "{folder}"],
    *([name, "--help"] for name in main.commands),
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", WORKING, ids=" ".join)
def test_what_needs_no_extra_works_without(arguments, outcomes):
    code, said = outcomes[tuple(arguments)]
    assert code == 0, said


def test_each_command_is_tried():
    tried = {arguments[0] for arguments, *_ in REFUSED.values()} | {"nsa", "compare", "site"}
    assert tried == set(main.commands)


ENTRIES = {
    "load_band": (
        "from sedflow.bands import load_band as f; f('acs_wfc_f814w')",
        "filters",
    ),
    "infer_catalogue": (
        "from sedflow.catalogue.run import infer_catalogue as f; f('g.csv', 'x')",
        "scale",
    ),
    "write_run_page": ("from sedflow.figures.run_page import write_run_page as f; f('x')", "scale"),
    "RunTable": ("from sedflow.catalogue.results import RunTable as f; f('x')", "app"),
    "read_table": ("from sedflow.catalogue.rows import read_table as f; f(b'PAR1')", "scale"),
    "infer_table": ("sedflow.infer_table(b'PAR1')", "scale"),
    "emcee": ("sedflow.MCMCSampler('emcee')", "mcmc"),
    "zeus": ("sedflow.MCMCSampler('zeus')", "mcmc"),
    "to_table": ("fit().to_table('x.parquet')", "scale"),
    "posterior_figure": (
        "from sedflow.figures.publication import posterior_figure as f; f(fit())",
        "app",
    ),
    "to_sbi": ("sedflow.load_posterior().to_sbi()", "train"),
    "flow": ("sedflow.load_posterior().flow", "train"),
    "save": ("sedflow.load_posterior().save('x')", "train"),
    "export_network": (
        "from sedflow.network.export import export_network as f; f('nsa-ugriz-fsps')",
        "train",
    ),
    "validate": ("sedflow.validate(sedflow.load_posterior(), 100)", "train"),
    "page": ("from sedflow.dashboard import page", "app"),
    "Explorer": ("from sedflow.dashboard import Explorer", "app"),
    "RunView": ("from sedflow.dashboard import RunView", "app"),
    "train": ("sedflow.train", "train"),
    "a page by its name at the root": ("sedflow.ForwardView", "app"),
}
_WORK = [
    "fit().save('fit.h5'); sedflow.load_fit('fit.h5').summary()",
    "fit(trust='weights').log_likelihood",
    "fit(trust='proposals').summary()",
    "sedflow.load_posterior().check(galaxy())",
    "p = sedflow.load_posterior('nsa-uv-bc03'); p.log_prob(p.sample(galaxy(), 9).theta, galaxy())",
    "sedflow.load_nsa().photometry(72)",
    "fit().summary()",
    "fit().to_arviz()",
    "sedflow.infer_table({'id': [1], 'z': [0.1], 'mag_r': [17.0], 'magerr_r': [0.1]}, n=50)",
    "no = {'Explorer', 'ForwardView', 'RunView', 'train'}; "
    "[getattr(sedflow, name) for name in sedflow.__all__ if name not in no]",
    "from sedflow.figures.publication import sed_figure as f; f(fit())",
]
_PROBE = """
import sys, warnings
warnings.simplefilter("ignore")
import sedflow
from sedflow.errors import MissingLibrary

def galaxy():
    return sedflow.load_nsa().photometry(72)

def fit(trust=None):
    return sedflow.fit(galaxy(), sedflow.load_posterior(), n=1000, seed=1, trust=trust)

for entry in sys.argv[1:]:
    try:
        exec(entry)
        print("works")
    except MissingLibrary as error:
        print(error)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.slow
def test_each_public_entry_works_or_names_the_extra_that_it_lacks(tmp_path):
    calls = [call for call, _ in ENTRIES.values()]
    done = without(_PROBE, *calls, *_WORK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for name, (_, extra), line in zip(ENTRIES, ENTRIES.values(), lines, strict=False):
        assert f"pip install 'sedflow-explorer[{extra}]'" in line, (name, line)
    assert lines[len(ENTRIES) :] == ["works"] * len(_WORK)


def test_the_sentence_names_what_needs_what():
    with pytest.raises(MissingLibrary, match=r"a dream needs nowhere and never, .*explorer\[app\]"):
        needs("json", "nowhere", "never", extra="app", what="a dream")
    assert issubclass(MissingLibrary, SedflowError)
    assert issubclass(MissingLibrary, ImportError)


def test_a_setting_that_a_library_refuses_is_told_in_a_sentence(tmp_path):
    """BOKEH_LOG_LEVEL=nonsense, MPLBACKEND=nonsense: tracebacks before."""
    (tmp_path / "bokehlike.py").write_text("raise ValueError('Unknown log level nonsense')")
    code = (
        "from sedflow.errors import needs\n"
        "try:\n    needs('bokehlike', extra='app', what='the app')\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be imported here: Unknown log level nonsense; unset" in done.stdout
