"""Build sedflow/data/openngc.json: the galaxies of OpenNGC, with their names.

    python tools/build_names.py
    python tools/build_data.py --sums

pip downloads the package pyongc, which carries the OpenNGC database; a package with another hash
is refused. OpenNGC is by Mattia Verga, under CC-BY-SA-4.0, and so is the file made from it.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from sedflow.files.hashes import sha256

OUT = Path(__file__).parent.parent / "sedflow" / "data" / "openngc.json"
VERSION = "1.2.2"
SHA256 = "d740581ce5e7317a51fc31bec19bb8562bf358c399551b5dfe73a752fa490bf2"
DATABASE, LICENCE = "pyongc/ongc.db", "pyongc/ongc.db.license"
KINDS = {"G": "galaxy", "GPair": "pair", "GTrpl": "triplet", "GGroup": "group"}
ADDED = {"NGC 4486": ["Virgo A"], "NGC 4535": ["Lost Galaxy"]}  # in wide use, not in OpenNGC
ABOUT = {
    "title": "Names, positions, redshifts and sizes of the galaxies of OpenNGC",
    "source": f"OpenNGC by Mattia Verga, as packaged in pyongc {VERSION}",
    "source_sha256": SHA256,
    "licence": "CC-BY-SA-4.0, https://creativecommons.org/licenses/by-sa/4.0/",
    "attribution": "Copyright 2017 Mattia Verga, OpenNGC, https://github.com/mattiaverga/OpenNGC",
    "changes": "Galaxies, pairs, triplets and groups alone; names spelled with a space and without "
    "leading zeros; positions in degrees, rounded to 0.00001; duplicates merged into the entry "
    "that they repeat, by their numbers; of the other identifiers, UGC alone; common names added: "
    + "; ".join(f"{', '.join(names)} ({galaxy})" for galaxy, names in ADDED.items()),
    "columns": {
        "name": "NGC, IC or other designation",
        "kind": "galaxy, pair, triplet or group",
        "ra": "right ascension [deg, J2000]",
        "dec": "declination [deg, J2000]",
        "redshift": "heliocentric; null where unknown",
        "b_mag": "B magnitude; null where unknown",
        "major_arcmin": "major axis [arcmin]; null where unknown",
        "other": "other designations: Messier, NGC, IC, UGC",
        "common": "common names",
    },
    "made_by": "tools/build_names.py",
}


def spelled(name: str) -> str:
    """A designation with a space and without leading zeros: "NGC 3447B", "IC 700 NED01"."""
    letters = "".join(c for c in name.split(" ")[0] if c.isalpha())
    prefix = next(p for p in ("NGC", "IC", "UGC", "ESO", "PGC", "HCG") if letters.startswith(p))
    return f"{prefix} {name[len(prefix) :].strip().lstrip('0')}"


def downloaded(folder: Path) -> Path:
    """The package, downloaded and checked."""
    command = [sys.executable, "-m", "pip", "download", f"pyongc=={VERSION}", "--no-deps"]
    subprocess.run([*command, "--only-binary", ":all:", "--dest", folder], check=True)
    (path,) = folder.glob("*.whl")
    if sha256(path) != SHA256:
        raise SystemExit(f"{path.name} has the hash {sha256(path)}, not {SHA256}")
    return path


def numbers(text: str | None, catalogue: str) -> list[str]:
    """Designations of a column that lists numbers of one catalogue."""
    return [f"{catalogue} {n.strip().lstrip('0')}" for n in (text or "").split(",") if n.strip()]


def rows(database: sqlite3.Connection):
    """A dict for each galaxy, in the order of its name."""
    query = (
        "SELECT name, type, ra, dec, redshift, bmag, majax, messier, ngc, ic, commonnames, "
        "identifiers FROM objects WHERE type {} ORDER BY name"
    )
    out = {}
    known = ", ".join(repr(kind) for kind in KINDS)
    for name, kind, ra, dec, z, b, size, messier, ngc, ic, common, others in database.execute(
        query.format(f"IN ({known}) AND ra IS NOT NULL")
    ):
        ugc = [spelled(o.strip()) for o in others.split(",") if o.strip().startswith("UGC ")]
        key = spelled(name)
        out[key] = {
            "name": key,
            "kind": KINDS[kind],
            "ra": round(float(np.degrees(ra)), 5),
            "dec": round(float(np.degrees(dec)), 5),
            "redshift": z,
            "b_mag": b,
            "major_arcmin": size,
            "other": [*numbers(messier, "M"), *numbers(ngc, "NGC"), *numbers(ic, "IC"), *ugc],
            "common": [c.strip() for c in common.split(",") if c.strip()] + ADDED.get(key, []),
        }
    for name, *_, messier, ngc, ic, _, _ in database.execute(query.format("= 'Dup'")):
        same = [*numbers(messier, "M"), *numbers(ngc, "NGC"), *numbers(ic, "IC")]
        target = next((s for s in same if s in out), None)
        if target is not None and name.startswith(("NGC", "IC")):
            out[target]["other"].append(spelled(name))
    for row in out.values():
        row["other"] = [o for o in dict.fromkeys(row["other"]) if o != row["name"]]
    return list(out.values())


def main():
    with tempfile.TemporaryDirectory() as folder:
        package = downloaded(Path(folder))
        with zipfile.ZipFile(package) as archive:
            archive.extract(DATABASE, folder)
            licence = archive.read(LICENCE).decode()
        if "CC-BY-SA-4.0" not in licence:
            raise SystemExit(f"the licence of the database is another one now: {licence}")
        database = sqlite3.connect(Path(folder) / DATABASE)
        try:
            found = rows(database)
        finally:
            database.close()
    columns = {name: [row[name] for row in found] for name in ABOUT["columns"]}
    head = json.dumps(ABOUT, indent=1, ensure_ascii=False)[:-2]
    body = ",\n".join(
        f' "{name}": {json.dumps(values, ensure_ascii=False, separators=(",", ":"))}'
        for name, values in columns.items()
    )
    OUT.write_text(f'{head},\n "galaxies": {{\n{body}\n }}\n}}\n')
    print(f"{len(found):,} entries, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
