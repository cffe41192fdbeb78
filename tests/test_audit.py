"""The audit of what is installed finds what it is for."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.version import Version
from scripts import script

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def audit():
    return script("tools/audit.py")


def test_another_version_and_a_package_nobody_pinned_are_found(audit):
    pinned = audit.pins("# why\nPyYAML==6.0.3\nh11==0.16.0\n")
    assert audit.unpinned({"pyyaml": Version("6.0.3"), "pip": Version("1")}, pinned) == []
    found = audit.unpinned({"pyyaml": Version("6.0.2"), "stranger": Version("1")}, pinned)
    assert found == [
        "pyyaml 6.0.2 is installed, but constraints.txt pins 6.0.3",
        "stranger 1 is installed, but constraints.txt does not name it",
    ]


def test_a_version_with_a_known_advisory_is_found(audit):
    assert audit.below_floor({"pyarrow": Version("14.0.0")}) == [
        "pyarrow 14.0.0 is affected by CVE-2023-47248; use 14.0.1 or later"
    ]


def test_no_pinned_version_has_a_known_advisory(audit):
    pinned = audit.pins((ROOT / "constraints.txt").read_text())
    assert set(audit.FLOORS) <= set(pinned)
    assert audit.below_floor(pinned) == []


def answer(dependencies):
    return lambda *args, **options: SimpleNamespace(
        stdout=json.dumps({"dependencies": dependencies})
    )


def test_a_new_advisory_is_found(audit):
    vuln = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    found, n = audit.advisories(
        run=answer(
            [
                {"name": "a", "version": "1", "vulns": [vuln]},
                {"name": "b", "version": "1", "vulns": []},
            ]
        )
    )
    assert (found, n) == (["a 1 is affected by PYSEC-1; use 2.0"], 2)


def test_without_a_database_nothing_counts_as_checked(audit):
    skipped = answer([{"name": "a", "skip_reason": "not found"}])
    assert audit.advisories(run=skipped) == ([], 0)

    def hangs(*args, **options):
        raise subprocess.TimeoutExpired("pip-audit", 60)

    assert audit.advisories(run=hangs) == ([], 0)
    assert audit.advisories(run=lambda *a, **o: SimpleNamespace(stdout="")) == ([], 0)


def make(folder, name, metadata=""):
    """A distribution as pip leaves one; returns its folder of packages."""
    info = folder / f"{name}.dist-info"
    info.mkdir(parents=True)
    package, version = name.rsplit("-", 1)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{metadata}"
    )
    return folder


def test_a_second_version_on_the_path_is_found_and_the_imported_one_counts(audit, tmp_path):
    first, second = make(tmp_path / "a", "urllib3-1.0"), make(tmp_path / "b", "urllib3-2.7.0")
    script = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('audit', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); h, p = m.installed();"
        "print(h['urllib3'], [x for x in p if x.startswith('urllib3')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "tools" / "audit.py")],
        env={**os.environ, "PYTHONPATH": f"{first}:{second}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("1.0 ['urllib3 is there twice: 1.0 in")
    make(first, "urllib3-2.0")
    assert any("there twice" in problem for problem in audit.installed(first)[1])


def test_a_build_of_ones_own_is_found(audit, tmp_path):
    have, problems = audit.installed(make(tmp_path / "a", "torch-2.13.0+evil"))
    assert problems == ["torch 2.13.0+evil is a build of its own; install 2.13.0"]
    have, problems = audit.installed(make(tmp_path / "b", "torch-2.13.0+cpu"))
    assert (have, problems) == ({"torch": Version("2.13.0")}, [])


def test_an_empty_place_and_a_distribution_without_metadata_are_problems(audit, tmp_path):
    assert "no distributions in" in audit.installed(tmp_path / "nowhere")[1][0]
    make(tmp_path, "good-1.0")
    (tmp_path / "broken-1.0.dist-info").mkdir()
    have, problems = audit.installed(tmp_path)
    assert set(have) == {"good"}
    assert len(problems) == 1 and "no METADATA" in problems[0]


@pytest.mark.parametrize(
    "dependencies",
    [
        [{"name": "a", "version": "1", "vulns": None}],
        {},
        ["a"],
        [{"vulns": [{}]}],
        None,
    ],
)
def test_an_odd_answer_is_not_a_check(audit, dependencies):
    assert audit.advisories(run=answer(dependencies)) == ([], 0)


def test_what_was_not_looked_up_is_said(audit):
    assert audit.told(3, 2).endswith("2 looked up by pip-audit; 1 NOT checked")
    assert "NOT" not in audit.told(3, 3)
    assert "NOT checked: no advisory" in audit.told(3, 0)


MIT = "Classifier: License :: OSI Approved :: MIT License\n"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (MIT, None),
        ("License-Expression: MIT\n", None),
        ("License: Copyright (c) me\n        Any text\n", None),
        (f"License: GPL-3.0\n{MIT}", "GPL-3.0"),
        ("License: GNU GENERAL PUBLIC LICENSE\n        Version 3\n" + MIT, "GNU"),
        ("License-Expression: MIT\nLicense: AGPLv3\n", "AGPLv3"),
        ("", "none"),
    ],
)
def test_every_place_where_a_licence_is_named_counts(audit, tmp_path, metadata, said):
    make(tmp_path, "a-1.0", metadata)
    listed = audit.listed_licences()
    found = audit.licences(distributions(path=[str(tmp_path)]), *listed)
    assert found == [] if said is None else f"licence '{said}'" in found[0]
    excepted = {"a:1.0"}, {"a:2.0"}
    for names in excepted:
        rest = audit.licences(distributions(path=[str(tmp_path)]), listed[0], names)
        assert bool(rest) == (said is not None and "a:1.0" not in names)


def test_lint_runs_both_audits_and_every_exception_has_its_reason():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M).group(1)
    assert "tools/audit.py" in lint
    assert "pip-licenses" in lint
    text = (ROOT / "pyproject.toml").read_text()
    table = tomllib.loads(text)["tool"]["pip-licenses"]
    assert not any("GPL" in name for name in table["allow-only"].split(";"))
    for name in table["ignore-packages"]:
        assert re.fullmatch(r"[\w-]+:[\d.]+", name), name  # of the version that was looked at
        assert re.search(rf'"{name}",  # \w+', text), name
