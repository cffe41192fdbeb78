"""Collect the reference vectors that the tests compare with, from the project's source files.

    python tools/build_golden.py --source ../shared/reference

They come from running the original PROVABGS and SEDflow code (histories, stick-breaking,
emulator magnitudes) and from separate implementations of the same equations (dust curves,
BC03 magnitudes); `origin` inside the file says which is which.
"""

import argparse
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent.parent / "tests" / "golden" / "provabgs.npz"
FILES = {
    "bins": ("bases_and_bins.npz", ["redshift", "tage_exact", "dlum_cm_exact", "tlb_edges"]),
    "dirichlet": ("dirichlet.npz", ["z", "beta"]),
    "history": ("sfh_zh_derived.npz", None),
    "dust": ("dust.npz", ["wave", "settings", "k_diffuse", "birthcloud_factor"]),
    "emulator": ("emulator_spectra_train_visible.npz", ["redshift", "theta10", "mag"]),
    "bc03": (
        "bc03_forward_mags_train_visible.npz",
        [
            "redshift",
            "theta10",
            "mag_nmf_feh",
            "redshift_burst",
            "tage_burst",
            "theta12",
            "mag_burst_feh",
        ],
    ),
}
ORIGIN = (
    "bins, dirichlet, history, emulator: original provabgs code (Hahn et al. 2023), numpy 1.26; "
    "dust, bc03: separate numpy implementations of the published equations"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    source = parser.parse_args().source
    arrays = {"origin": np.array(ORIGIN)}
    for prefix, (name, keys) in FILES.items():
        with np.load(source / name) as file:
            for key in keys or file.files:
                arrays[f"{prefix}.{key}"] = file[key]
    np.savez_compressed(OUT, **arrays)
    print(f"{OUT.name}: {len(arrays)} arrays, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
