"""What is installed: at the pinned versions, above known advisories, and free of new ones.

    python tools/audit.py [--path SITE-PACKAGES]

`make lint` runs it, after pip-licenses, which believes one of the places where a package names
its licence; here all of them are held to the list in pyproject.toml. It asks pip-audit for the
advisories of today; where its database cannot be reached it says that nothing was checked
there, and goes by the list below. It ends with 1 where anything is wrong.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parent.parent
_OURS = "sedflow-explorer"
_UNPINNED = {"pip", "setuptools", "wheel", _OURS}
_LOCAL = {None, "cpu"}  # of versions: PyTorch's own index has 2.13.0+cpu
_NO_METADATA = (AttributeError, LookupError, OSError, TypeError, InvalidVersion)
_PATIENCE = 30  # seconds for pip-audit
#: First version without the latest known advisory, of packages that meet a visitor's bytes, a
#: file or the network; each stands in the GitHub Advisory Database under its CVE.
FLOORS = {
    "bokeh": ("3.8.2", "CVE-2026-21883"),
    "distributed": ("2026.1.0", "CVE-2026-23528"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "jupyter-core": ("5.8.1", "CVE-2025-30167"),
    "protobuf": ("6.31.1", "CVE-2025-4565"),
    "pyarrow": ("14.0.1", "CVE-2023-47248"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "scikit-learn": ("1.5.0", "CVE-2024-5206"),
    "torch": ("2.6.0", "CVE-2025-32434"),
    "tornado": ("6.5", "CVE-2025-47287"),
    "urllib3": ("2.7.0", "CVE-2026-44432"),
    "werkzeug": ("3.0.6", "CVE-2024-49767"),
}


def installed(path=None):
    """What Python would find: versions by canonical name, and sentences on what is odd there.

    Of a name that is there twice it is the version that is imported, the first on the path.
    """
    found = distributions() if path is None else distributions(path=[str(path)])
    have, where, problems = {}, {}, []
    for one in found:
        place = Path(str(one.locate_file(""))).resolve()
        try:
            about = one.metadata  # get: Python 3.12 warns of what is missing instead of raising
            name, version = canonicalize_name(about.get("Name")), Version(about.get("Version"))
        except _NO_METADATA:
            problems.append(
                f"a distribution in {place} has no METADATA with name and version ({one!r}, "
                f"{getattr(one, '_path', 'unknown')}); install it again, or delete it"
            )
            continue
        if version.local not in _LOCAL:
            problems.append(f"{name} {version} is a build of its own; install {version.public}")
        version = Version(version.public)
        if name not in have:
            have[name], where[name] = version, place
        elif (version, place) != (have[name], where[name]) and name != _OURS:
            problems.append(
                f"{name} is there twice: {have[name]} in {where[name]} is imported, {version} in "
                f"{place} is not; delete one of them"
            )
    if not have:
        problems.append(f"there are no distributions in {path or 'sys.path'}; nothing was checked")
    return have, problems


def stated_licences(metadata) -> set[str]:
    """All that a distribution says about its licence: expression, text and classifiers."""
    said = {metadata.get("License-Expression"), metadata.get("License")}
    classifiers = metadata.get_all("Classifier") or []
    said |= {c.split(" :: ")[-1] for c in classifiers if c.startswith("License :: ")}
    said = {s.strip() for s in said if s}
    # A whole text cannot be listed; the GNU ones name themselves in their heading. Further down
    # others name those of libraries that come in the same wheel (gfortran's, with its exception).
    texts = {s for s in said if "\n" in s or len(s) > 150}
    gnu = {"GNU" for s in texts if re.search(r"general\s+public\s+licen[cs]e", s[:400], re.I)}
    return {s for s in (said - texts) | gnu if s not in ("UNKNOWN", "OSI Approved")} or (
        {"a text"} if texts else set()
    )


def licences(found, allowed, excepted) -> list[str]:
    """Sentences on distributions with a licence that is not on the list.

    allowed : licences, lower case
    excepted : "name:version" of packages that were looked at one by one
    """
    problems = []
    for one in found:
        try:
            name = one.metadata["Name"]
        except _NO_METADATA:
            name = None
        if name is None or canonicalize_name(name) == _OURS:
            continue
        if f"{canonicalize_name(name)}:{one.version}" in excepted:
            continue
        said = stated_licences(one.metadata)
        for licence in sorted(said) or ["none"]:
            if licence.lower() not in allowed | {"a text"}:
                problems.append(
                    f"{name} {one.version} names the licence {licence!r}, which pyproject.toml "
                    "does not list; look at it, then list it, or the package with its version"
                )
    return problems


def listed_licences():
    """Licences and excepted packages of pyproject.toml, as `licences` takes them."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pip-licenses"]
    allowed = {name.strip().lower() for name in table["allow-only"].split(";")}
    return allowed, set(table["ignore-packages"])


def pins(text: str) -> dict[str, Version]:
    """Versions of constraints.txt, by canonical name."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    found = (Requirement(line) for line in lines if line)
    return {canonicalize_name(r.name): Version(next(iter(r.specifier)).version) for r in found}


def unpinned(have, pinned) -> list[str]:
    """Sentences on distributions that are not at the version of constraints.txt."""
    problems = []
    for name, version in sorted(have.items()):
        if name in _UNPINNED or pinned.get(name) == version:
            continue
        wanted = f"pins {pinned[name]}" if name in pinned else "does not name it"
        problems.append(f"{name} {version} is installed, but constraints.txt {wanted}")
    return problems


def below_floor(have) -> list[str]:
    """Sentences on distributions older than the fix of a known advisory."""
    return [
        f"{name} {have[name]} is affected by {advisory}; use {floor} or later"
        for name, (floor, advisory) in FLOORS.items()
        if name in have and have[name] < Version(floor)
    ]


def advisories(path=None, run=subprocess.run):
    """Sentences on what pip-audit finds, and how many distributions it could look up.

    None found and none looked up are different things: pip-audit ends with 0 for both.
    """
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"]
    command += ["--timeout=5", "--desc=off"] + ([f"--path={path}"] if path else ["--local"])
    try:
        out = run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False).stdout
        found = json.loads(out)["dependencies"]
        looked_up = [one for one in found if isinstance(one.get("vulns"), list)]
        problems = [
            f"{one['name']} {one['version']} is affected by {vuln['id']}; use "
            f"{' or '.join(vuln.get('fix_versions') or ['another package: there is no fix'])}"
            for one in looked_up
            for vuln in one["vulns"]
        ]
    except (subprocess.TimeoutExpired, ValueError, LookupError, TypeError, AttributeError):
        return [], 0
    return problems, len(looked_up)


def told(n, looked_up) -> str:
    """What was looked up of n distributions, and what was not."""
    text = f"{n} distributions: {len(FLOORS)} known advisories checked, "
    if not looked_up:
        return text + "newer ones NOT checked: no advisory database could be reached"
    missed = f"; {n - looked_up} NOT checked" if looked_up < n else ""
    return f"{text}{looked_up} looked up by pip-audit{missed}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--path", help="site-packages of another environment")
    path = parser.parse_args().path
    have, problems = installed(path)
    problems += unpinned(have, pins((ROOT / "constraints.txt").read_text())) + below_floor(have)
    listed = distributions() if path is None else distributions(path=[path])
    problems += licences(listed, *listed_licences())
    found, looked_up = advisories(path)
    problems += found
    print(told(len(have), looked_up))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
