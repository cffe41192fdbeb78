"""Build the packaged data (all but the network weights) from the project's source files.

    python tools/build_data.py --source ../shared/data

sedflow/data/README.md lists the source, licence and citation of each file. Every file contains
its provenance, with the SHA-256 of what it was made from. `--curves` needs sedpy (the extra
`filters`) and makes the GALEX curves alone.
"""

import argparse
import json
import shutil
from pathlib import Path

import astropy
import astropy.units as u
import h5py
import numpy as np
from astropy.cosmology import Planck13
from astropy.table import Table, vstack
from scipy.interpolate import CubicSpline

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.bands import nanomaggies
from sedflow.constants import LSUN
from sedflow.files.hashes import sha256
from sedflow.model.noise import NoiseModel

OUT = Path(__file__).parent.parent / "sedflow" / "data"
MANTISSA_BITS = 13  # kept of the SSP fluxes: 6e-5 relative, averaged away in any band


def build_ssp(source: Path, name: str, out: Path):
    """Copy an SSP grid, rounded and packed tighter, and note where it came from.

    PROVABGS turns Lsun into erg/s with 3.846e33 whatever the library; both grids follow it,
    so that they are compared at one solar luminosity. BC03's own is 3.826e33 (0.006 mag).
    """
    with h5py.File(source) as original, h5py.File(out, "w") as file:
        file.attrs.update(original.attrs)
        for key, data in original.items():
            values = rounded(data[...]) if key == "ssp_flux" else data[...]
            packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
            options = packed | {"chunks": data.chunks} if data.ndim > 1 else {}
            file.create_dataset(key, data=values, **options).attrs.update(data.attrs)
        file.attrs["bits"] = f"float32 rounded to {MANTISSA_BITS} mantissa bits (relative 6e-5)"
        own = float(original.attrs["lsun_erg_s"])
        file.attrs["lsun_erg_s"] = LSUN
        if own != LSUN:
            file.attrs["lsun_note"] = (
                f"PROVABGS's conversion, applied to every library; the library's own is {own:.3e}"
            )
        file.attrs["source_file"] = source.name
        file.attrs["source_sha256"] = sha256(source)
        file.attrs["sedflow_name"] = name


def rounded(values, bits=MANTISSA_BITS):
    """float32 values rounded to fewer bits of mantissa, which then compress."""
    dropped = 23 - bits
    whole = values.astype(np.float32).view(np.uint32)
    return (((whole + (1 << (dropped - 1))) >> dropped) << dropped).view(np.float32)


def build_bases(source: Path, out: Path):
    """The NMF bases, as they are (ECSV, provenance in the header)."""
    shutil.copyfile(source, out)


def build_nsa(source: Path, example: Path, out: Path) -> Table:
    """The NSA sample and the paper's example galaxy, NSAID 72."""
    table = Table.read(source)
    flux, ivar = np.array(table["NMGY"]), np.array(table["NMGY_IVAR"])
    ugriz = slice(2, 7)
    usable = np.isfinite(flux[:, ugriz]).all(1) & (ivar[:, ugriz] > 0).all(1) & (table["Z"] > 0)
    table = table[usable]
    keep = ["NSAID", "RA", "DEC", "Z", "ZDIST", "NMGY", "NMGY_IVAR", "FIELD"]
    table = table[keep]
    table["ZDIST"] = np.ma.filled(np.ma.asarray(table["ZDIST"]), np.nan)

    paper = json.loads(example.read_text())
    f = nanomaggies(paper["mag_ugriz"])
    sigma = f * np.array(paper["sigma_mag_ugriz"]) * np.log(10) / 2.5
    row = Table(table[:1], copy=True)
    row["NSAID"], row["Z"], row["ZDIST"] = paper["NSAID"], paper["z"], np.nan
    row["RA"], row["DEC"] = np.nan, np.nan
    row["NMGY"] = np.concatenate([[0, 0], f])[None].astype("f4")
    row["NMGY_IVAR"] = np.concatenate([[0, 0], 1 / sigma**2])[None].astype("f4")
    row["FIELD"] = b"paper"
    table = vstack([row, table], metadata_conflicts="silent")
    table.meta = {
        "TITLE": "NASA-Sloan Atlas galaxies with ugriz photometry",
        "comments": [
            "NMGY, NMGY_IVAR: FUV NUV u g r i z, AB nanomaggies, Galactic extinction removed",
            "IVAR includes the 5/2/2/2/3 per cent floor of the NSA pipeline (ugriz)",
            "Seven clusters and Virgo: not a random sample of the atlas",
            "NSAID 72: magnitudes printed, errors and redshift plotted by",
            "Hahn & Melchior 2022, ApJ 938, 11; no position",
            f"source {source.name} sha256 {sha256(source)}",
        ],
    }
    table.write(out, overwrite=True)
    return table


def build_literature(source: Path, out: Path):
    """Masses and rates of the sample from other work, in log10 of Msun and Msun/yr.

    kcorrect masses are h^-2 Msun in the atlas; turned to the cosmology of the model here.
    """
    table = Table.read(source)

    def column(name, low, high):
        values = np.ma.filled(np.ma.asarray(table[name], float), np.nan)
        return np.where((values > low) & (values < high), values, np.nan)

    kcorrect = column("MASS", 0, np.inf)
    out_table = Table(
        {
            "NSAID": np.asarray(table["NSAID"]),
            "log_mass_kcorrect": np.log10(kcorrect) - 2 * np.log10(Planck13.h),
            "log_mass_isedfit": column("ISED_LOGM50", 5, 13),
            "log_sfr_isedfit": column("ISED_LOGSFR100_50", -6, 5),
            "log_mass_gswlc": column("GSWLC_LOGM", 5, 13),
            "log_sfr_gswlc": column("GSWLC_LOGSFR", -6, 5),
        }
    )
    for name in out_table.colnames[1:]:
        out_table[name] = out_table[name].astype("f4")
    out_table.meta["comments"] = [
        "log10 of surviving stellar mass [Msun] and star-formation rate [Msun/yr]",
        "kcorrect: Blanton & Roweis 2007, AJ 133, 734, as in the NASA-Sloan Atlas",
        "iSEDfit: Moustakas et al. 2013, ApJ 767, 50; outside 5..13 left out",
        "GSWLC: Salim et al. 2016, ApJS 227, 2; Salim et al. 2018, ApJ 859, 11",
        f"source {source.name} sha256 {sha256(source)}",
    ]
    out_table.write(out, overwrite=True)


def build_noise(table: Table, out: Path):
    """Median and scatter of sigma given flux in the sample."""
    flux, ivar = (np.asarray(table[name], float) for name in ("NMGY", "NMGY_IVAR"))
    with np.errstate(divide="ignore"):
        sigma = 1 / np.sqrt(ivar)
    good = (flux > 0) & (sigma < flux)  # 1 mag: beyond, the broad component's job
    sane = good[:, 2:].all(1)
    flux, sigma = np.where(good, flux, np.nan)[sane], np.where(good, sigma, np.nan)[sane]
    noise = NoiseModel.fit(flux, sigma, bands=NSA_BANDS)
    document = {
        "title": "Flux errors of the NASA-Sloan Atlas given the flux",
        "made_by": "tools/build_data.py from nsa_sample.fits",
        "galaxies": int(sane.sum()),
        **noise.to_dict(),
    }
    out.write_text(json.dumps(document, indent=1) + "\n")


def build_curves(out: Path):
    """The GALEX filter curves of sedpy, divided by their peaks."""
    from sedpy import observate

    for channel in ("FUV", "NUV"):
        curve = observate.Filter(f"galex_{channel}")
        table = Table(
            {
                "wavelength": np.array(curve.wavelength) * u.AA,
                "response": np.array(curve.transmission) / curve.transmission.max(),
            },
            descriptions={
                "wavelength": "vacuum wavelength",
                "response": "relative response per photon, 1 at its peak",
            },
        )
        source = Path(observate.__file__).parent / "data" / "filters" / f"galex_{channel}.par"
        table.meta = {
            "title": f"Filter curve of GALEX {channel}",
            "source": f"sedpy (from kcorrect; GALEX team, D. Schiminovich): {source.name}",
            "source_sha256": sha256(source),
            "licence": "MIT (sedpy)",
            "cite": "Martin et al. 2005, ApJ 619, L1; Morrissey et al. 2007, ApJS 173, 682; "
            "Johnson 2021, doi:10.5281/zenodo.4582723 (sedpy)",
            "made_by": "tools/build_data.py --curves",
        }
        table.write(out / f"galex_{channel.lower()}.ecsv", format="ascii.ecsv", overwrite=True)


def build_cosmology(out=OUT):
    """Age and luminosity distance in astropy's Planck13, with the slopes of cubic splines."""
    z = np.linspace(0.0, 0.5, 1001)
    age, distance = Planck13.age(z).value, Planck13.luminosity_distance(z).value
    columns = {"redshift": z}
    for name, values in (("age", age), ("distance", distance)):
        columns |= {name: values, f"{name}_slope": CubicSpline(z, values)(z, 1)}
    table = Table(columns)
    table["age"].unit, table["distance"].unit = u.Gyr, u.Mpc
    table.meta = {
        "title": "Planck 2013 cosmology: age of the universe and luminosity distance",
        "source": f"astropy {astropy.__version__}, astropy.cosmology.Planck13",
        "licence": "BSD-3-Clause",
        "cite": "Planck Collaboration 2014, A&A 571, A16",
        "made_by": "tools/build_data.py --cosmology",
    }
    table.write(out / "planck13.ecsv", format="ascii.ecsv", overwrite=True)


def write_sums():
    """SHA-256 of all packaged data but the README, as `sha256sum -c` reads them."""
    paths = sorted(p for p in OUT.glob("*.*") if p.name != "README.md")
    lines = [f"{sha256(p)}  {p.name}\n" for p in paths]
    (OUT / "SHA256SUMS").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--source", type=Path, help="folder of the source files")
    what.add_argument("--curves", action="store_true", help="make the GALEX curves alone")
    what.add_argument("--cosmology", action="store_true", help="make the cosmology's table alone")
    what.add_argument("--sums", action="store_true", help="write SHA256SUMS and nothing else")
    options = parser.parse_args()
    if options.cosmology:
        build_cosmology()
    if options.cosmology or options.sums:
        write_sums()
        return
    if options.curves:
        build_curves(OUT)
        write_sums()
        return
    source = options.source
    OUT.mkdir(exist_ok=True)
    build_ssp(source / "fsps_mist_miles_chabrier.h5", "fsps", OUT / "ssp_fsps.h5")
    gas = source / "fsps_mist_miles_chabrier_gas.h5"
    build_ssp(gas, "fsps-gas", OUT / "ssp_fsps-gas.h5")
    build_ssp(source / "bc03_miles_kroupa.h5", "bc03", OUT / "ssp_bc03.h5")
    build_bases(source / "nmf_bases.ecsv", OUT / "nmf_bases.ecsv")
    table = build_nsa(source / "nsa_sample.fits", source / "nsaid72.json", OUT / "nsa_sample.fits")
    build_noise(table, OUT / "noise_nsa.json")
    build_literature(source / "nsa_literature.fits", OUT / "nsa_literature.fits")
    build_curves(OUT)
    write_sums()
    for path in sorted(OUT.glob("*.*")):
        print(f"{path.name:24} {path.stat().st_size / 1e6:7.3f} MB")


if __name__ == "__main__":
    main()
