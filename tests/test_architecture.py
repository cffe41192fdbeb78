"""The house: who may import whom, what ships, and files that must agree."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sedflow"
HEAVY = ("torch", "panel", "bokeh", "holoviews", "matplotlib", "sbi", "fsps", "dask", "pandas")


def _order() -> list[str]:
    """Files and folders of the package, upper ones first, as CONTRIBUTING.md lists them."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    block = re.search(r"```order\n(.*?)```", text, re.DOTALL)
    return block[1].split()


def _name(path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imported(path) -> set[str]:
    """Modules of the package that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sedflow":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == "sedflow"}
    return found - {"sedflow"}


GRAPH = {name: _imported(path) for name, path in MODULES.items() if name != "sedflow"}


def _names(path) -> set[str]:
    """What a module binds, and the public names of a folder."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    stub = path.with_suffix(".pyi")
    return found | set(
        re.findall(r"import \w+ as (\w+)", stub.read_text() if stub.exists() else "")
    )


@pytest.mark.parametrize("folder", ["tools", "benchmarks"])
def test_scripts_import_what_is_defined_where_they_say(folder):
    for path in sorted((ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sedflow"):
                known = _names(MODULES[node.module])
                for alias in node.names:
                    inside = f"{node.module}.{alias.name}" in MODULES
                    assert inside or alias.name in known, f"{path.name}: {alias.name}"


def _circles(graph) -> list[list[str]]:
    """Groups of modules that import each other, by whatever way round."""
    reach = {name: set(targets) for name, targets in graph.items()}
    for _ in graph:  # closure; as many rounds as the longest chain at most
        grown = {n: r.union(*(reach.get(t, set()) for t in r)) for n, r in reach.items()}
        if grown == reach:
            break
        reach = grown
    inside = {n for n in reach if n in reach[n]}
    return sorted({tuple(sorted(m for m in inside if n in reach[m] and m in reach[n]))
                   for n in inside})  # fmt: skip


def test_every_file_and_folder_has_its_place_in_the_list():
    there = {p.stem for p in PACKAGE.glob("*.py")} | {
        p.parent.name for p in PACKAGE.glob("*/__init__.py")
    }
    assert there - {"__init__"} == set(_order())


def test_a_file_imports_from_its_own_folder_and_from_above():
    order = {name: k for k, name in enumerate(_order())}

    def floor(module):
        return order[module.split(".")[1]]

    against = [f"{a} imports {b}" for a in GRAPH for b in GRAPH[a] if floor(b) > floor(a)]
    assert against == []


def test_nothing_imports_in_circles():
    assert _circles(GRAPH) == []


def test_a_circle_would_be_found():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [("b", "c")]


def _loaded_by(*modules) -> set[str]:
    code = f"import sys, {', '.join(modules)}\nprint(*(m for m in {HEAVY!r} if m in sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def _inside(folder) -> list[str]:
    return [name for name in MODULES if name.split(".")[1:2] == [folder]]


#: What may be loaded where all modules of a folder are; nothing heavy elsewhere.
ALLOWED = {
    "model": {"torch"},  # the graph
    "sampling": {"pandas"},
    "network": {"torch", "sbi", "pandas", "matplotlib"},  # sbi brings the last two
    "validation": {"pandas"},
    "catalogue": {"pandas"},
    "figures": {"bokeh", "pandas", "matplotlib"},
}


@pytest.mark.parametrize("folder", [name for name in _order() if name not in ("dashboard", "cli")])
def test_a_folder_loads_only_what_it_needs(folder):
    modules = _inside(folder)
    assert _loaded_by(*modules) <= ALLOWED.get(folder, set())


def test_the_package_the_command_line_and_the_state_load_lightly():
    assert _loaded_by("sedflow", "sedflow.cli") == set()
    assert _loaded_by("sedflow.dashboard.state") == set()


def test_inference_needs_no_dashboard_and_no_sbi():
    assert _loaded_by("sedflow.network.posterior") == set()


@pytest.mark.slow
def test_a_worker_loads_only_what_a_row_needs():
    """ArviZ brings half of the memory of a worker, and astropy half of the time of a first draw."""
    code = """if True:
        import sys, sedflow
        nsa = sedflow.load_nsa()
        sedflow.load_posterior().sample(nsa.photometry(72), n=10, seed=1)
        print(*(m for m in ("astropy", "pandas") if m in sys.modules))
        table = {"id": [72], "redshift": [0.05], "flux_r": [104.0], "flux_err_r": [2.0]}
        sedflow.infer_table(table, unit="nanomaggies", n=10)
        print(*(m for m in ("arviz", "xarray", "matplotlib", "torch") if m in sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def _roots(node) -> list[str]:
    """Modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


#: The only files in which torch may be imported as the file is: the others draw from graphs.
WITH_TORCH = {
    "model.graph",
    "model.slopes",
    "network.atlas_prior",
    "network.feature_graph",
    "network.flow",
    "network.sbi",
    "network.simulator",
    "network.spline",
    "network.steps",
    "network.training",
    "network.training_set",
}


def test_torch_is_imported_in_a_few_files_alone():
    """At the top of a file, or by what a file imports at its top."""
    direct = {
        name
        for name, path in MODULES.items()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for root in _roots(node)
        if root.split(".")[0] in ("torch", "zuko", "sbi")
    }
    assert direct == {f"sedflow.{name}" for name in WITH_TORCH}


#: Package -> the only folder (or file) in which it may be imported, even inside functions.
HOMES = {
    "panel": {"dashboard", "cli"},
    "matplotlib": {"figures"},
    "corner": {"figures"},
    "dask": {"catalogue"},
    "distributed": {"catalogue"},
    "onnx": {"network"},
    "onnxruntime": {"threads"},
    "torch": {"model", "network", "validation"},
    "sbi": {"network", "validation"},
    "fsps": {"model"},
}


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_is_imported_in_its_home_alone(package):
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if package in [root.split(".")[0] for root in _roots(node)]:
                assert name.split(".")[1] in HOMES[package], name


def test_package_data_is_small_and_documented():
    data = [p for p in (PACKAGE / "data").iterdir() if p.name != "README.md"]
    assert sum(p.stat().st_size for p in data) < 48e6
    assert max(p.stat().st_size for p in data) < 8e6
    readme = (PACKAGE / "data" / "README.md").read_text()
    for path in data:
        assert path.name in readme, f"{path.name} is missing from sedflow/data/README.md"


def test_the_product_reads_nothing_outside_itself():
    for path in [ROOT / "app.py", *PACKAGE.rglob("*.py")]:
        assert "../shared" not in path.read_text(), path


def test_conda_and_pip_list_the_same_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pip = set(project["dependencies"]) | set(chain(*extras.values()))
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = set(environment["dependencies"][-1]["pip"]) - {"-e .", "-c constraints.txt"}
    assert conda == pip


def test_exact_versions_are_in_the_constraints_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in chain(project["dependencies"], *extras.values(), [project["requires-python"]]):
        assert "==" not in line and "<" not in line, line


def test_the_tested_versions_satisfy_the_requirements():
    """constraints.txt has every direct dependency, at a version that is allowed."""
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

    for folder in ("", *(n for n in _order() if (PACKAGE / n / "__init__.pyi").is_file())):
        module = importlib.import_module(f"sedflow.{folder}".rstrip("."))
        for name in module.__all__:
            assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = sedflow.nothing
