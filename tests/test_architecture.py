"""The house: who may import whom, what ships, and files that must agree."""

import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
NUMERICS = (
    "parameters", "cosmology", "ssp", "sfh", "dust", "photometry", "noise", "model",
    "fast_photometry", "derived", "draws", "features", "domain", "simulation", "nsa", "fitting",
    "mass", "nsa_files", "downloads", "fsps_grid", "columns", "mapping", "catalogue", "tables",
    "literature", "convergence", "likelihood",
)  # fmt: skip
HEAVY = ("torch", "panel", "bokeh", "holoviews", "matplotlib", "sbi", "fsps", "dask")


def _loaded_by(module):
    code = f"import sys, {module}\nprint(','.join(m for m in {HEAVY!r} if m in sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_numerics_load_no_network_and_no_dashboard():
    loaded = _loaded_by(", ".join(f"sedflow.{name}" for name in NUMERICS))
    assert loaded == ""


def test_the_package_and_the_state_load_lightly():
    assert _loaded_by("sedflow") == ""
    assert _loaded_by("sedflow.dashboard.state") == ""


def test_inference_needs_no_dashboard_and_no_sbi():
    assert _loaded_by("sedflow.posterior") == "torch"


def test_package_data_is_small_and_documented():
    data = [p for p in (ROOT / "sedflow" / "data").iterdir() if p.name != "README.md"]
    assert sum(p.stat().st_size for p in data) < 30e6
    assert max(p.stat().st_size for p in data) < 8e6
    readme = (ROOT / "sedflow" / "data" / "README.md").read_text()
    for path in data:
        assert path.name in readme, f"{path.name} is missing from sedflow/data/README.md"


def test_the_product_reads_nothing_outside_itself():
    for path in [ROOT / "app.py", *(ROOT / "sedflow").rglob("*.py")]:
        assert "../shared" not in path.read_text(), path


def test_conda_and_pip_list_the_same_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pip = set(project["dependencies"]) | set(chain(*extras.values()))
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = set(environment["dependencies"][-1]["pip"]) - {"-e ."}
    assert conda == pip


def test_the_tested_versions_satisfy_the_requirements():
    """Every direct dependency stands in constraints.txt, at a version that is allowed."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line and line[0] != "#")
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in chain(project["dependencies"], *extras.values()):
        need = Requirement(line)
        assert need.specifier.contains(tested[canonicalize_name(need.name)]), line


def test_public_names_are_there():
    import sedflow

    for name in sedflow.__all__:
        assert getattr(sedflow, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sedflow.nothing
