"""What is installed is what is in the tree."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_installed():
    folders = {path.parent for path in (ROOT / "sedflow").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert names == set(SETUPTOOLS["packages"])


def test_every_file_that_is_not_python_is_package_data():
    files = ["dashboard/frame/*", "dashboard/learn/pictures/*.svg", "dashboard/patches/*.js"]
    files += ["data/*", "py.typed"]
    files += ["site/graphs/*", "site/static/**/*", "site/tables/*", "site/vendor/*", "**/*.pyi"]
    assert SETUPTOOLS["package-data"] == {"sedflow": files}
    page = ROOT / "sedflow" / "dashboard"
    folders = {ROOT / "sedflow" / "data", page / "frame", page / "learn" / "pictures"}
    folders.add(page / "patches")
    folders |= {ROOT / "sedflow" / "site" / name for name in ("graphs", "tables", "vendor")}
    static = ROOT / "sedflow" / "site" / "static"
    for path in (ROOT / "sedflow").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi"):
            known = path.parent in folders or path.name == "py.typed" or static in path.parents
            assert known, path


def test_the_source_archive_names_what_exists():
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        command, *names = line.split()
        if command in ("include", "graft"):
            for name in names:
                assert (ROOT / name).exists(), name
