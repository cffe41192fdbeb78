"""What the page of a population looks at: galaxies with draws, and what they are selected by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sedflow.atlas.catalog import NSACatalog, load_nsa
from sedflow.bands import ab_magnitude
from sedflow.catalogue.manifest import load_manifest
from sedflow.dashboard.panels.population_state import EVERYONE, PARTS
from sedflow.errors import SedflowError
from sedflow.population.members import Members, members_of
from sedflow.population.packaged import atlas_members, atlas_population
from sedflow.population.population import Population
from sedflow.population.presets import AXES, PRESETS, preset_of
from sedflow.population.prior import PriorShares, prior_shares

#: Galaxies of a run, and draws of each, that a page takes at most.
MOST, DRAWS = 5_000, 100
_ATLAS = (
    "The packaged atlas is seven galaxy clusters and the region of Virgo{others}, not a fair "
    "sample of the universe: nothing here corrects how its galaxies were selected, and the "
    "redshifts of Virgo galaxies do not give their distances. Compare its parts with each other, "
    "not with published mass functions."
)
_WEIGHTS_ALONE = (
    "These posteriors are importance weights of 600 draws alone, without the later steps of "
    "Refine. Failed are galaxies whose weights do not pass, most of which those steps make exact; "
    "misfit are those whose data the model does not describe, also where their posterior is exact. "
    "The documents count only what is not exact after all steps."
)


_MOST = float(np.finfo(np.float32).max)


@dataclass
class Sample:
    """Galaxies with draws of the quantities of `AXES`.

    title, words : what they are, and how they were selected
    note : a sentence on the galaxies that are left out, or empty
    catalog : that names the galaxies, if there is one
    columns : name in `CUTS` -> (n,)
    fields : name -> mask (n,)
    """

    title: str
    words: str
    ids: np.ndarray
    columns: dict[str, np.ndarray]
    fields: dict[str, np.ndarray]
    note: str = ""
    catalog: NSACatalog | None = None
    members: Members | None = None
    priors: Mapping[str, PriorShares] = field(default_factory=dict)
    _known: dict[tuple[str, ...], Population] = field(default_factory=dict)

    def population(self, preset: str) -> Population:
        """The population of all of them that a preset asks for; fitted once."""
        one = preset_of(preset)
        if one.names not in self._known:
            self._known[one.names] = self._fitted(one)
        return self._known[one.names]

    def _fitted(self, one):
        if self.members is None:
            return atlas_population(one.key)
        some = _columns_of(self.members, one.names)
        prior = self.priors.get(",".join(one.names))
        return Population.of_members(some, one.names, one.edges, prior=prior)

    def ident(self, text: str) -> str:
        """The ID of the galaxy that a text means.

        Raises
        ------
        SedflowError
            No galaxy is meant, or more than one.
        """
        plain = " ".join(text.split())
        if (self.ids.astype(str) == plain).any():
            return plain
        if self.catalog is not None:
            return str(self.catalog.find(plain))
        raise SedflowError(f"{plain[:40]} is not a galaxy of this sample; give an ID that it has")

    def called(self, ident: str) -> str:
        """What the page calls a galaxy: "NSAID 141541 (M 87)"."""
        if self.catalog is None:
            return ident
        name = self.catalog.name(int(ident))
        return f"NSAID {ident}{f' ({name})' if name else ''}"

    def chosen(self, part: str, cuts: Mapping[str, tuple]) -> np.ndarray:
        """Which galaxies (n,) are in a part of the sample and inside the cuts."""
        inside = np.ones(len(self.ids), bool)
        if part != EVERYONE and part in self.fields:
            inside &= self.fields[part]
        for column, (low, high) in cuts.items():
            values = self.columns.get(column)
            if values is not None:
                low, high = _single(low), _single(high)
                inside &= np.isfinite(values)
                inside &= (values >= low) if low is not None else True
                inside &= (values <= high) if high is not None else True
        return inside


def _single(end):
    """An end of a cut as a number that single precision, in which columns are, can hold."""
    return None if end is None else min(max(end, -_MOST), _MOST)


def atlas_sample() -> Sample:
    """The packaged atlas."""
    nsa = load_nsa()
    members = atlas_members(("log_mstar", "log_ssfr_100myr"))
    rows = nsa.rows(members.ids)
    magnitude = ab_magnitude(np.asarray(nsa.table["NMGY"])[rows][:, 2:])
    place = np.asarray(nsa.table["FIELD"]).astype(str)[rows]
    return Sample(
        "the packaged atlas",
        _ATLAS.format(others=_others(members.ids[~np.isin(place, list(PARTS.values()))])),
        members.ids,
        _medians(members) | {"colour": magnitude[:, 1] - magnitude[:, 2]},
        {name: place == key for name, key in PARTS.items()},
        _WEIGHTS_ALONE,
        nsa,
    )


def _others(ids):
    """The galaxies that are in no part of the atlas, in words."""
    if not len(ids):
        return ""
    return f" (and NSAID {', '.join(map(str, ids))}, which belongs to neither)"


class RunReplaced(SedflowError):
    """The folder holds another run than the one that was asked about."""


def run_sample(out: str | Path, run: str) -> Sample:
    """Galaxies of a run that kept draws, at most `MOST` of them with `DRAWS` draws each.

    run : as its manifest names it

    Raises
    ------
    RunReplaced
        The folder holds another one by now.
    """
    names = tuple(AXES)
    members = members_of(out, names, most=MOST, draws=DRAWS)
    manifest = load_manifest(Path(out))
    if manifest.get("run", "") != run:
        raise RunReplaced(
            "the run of this server is another one than when this page was opened; load the page "
            "again"
        )
    rows = manifest["catalogue"]["rows"]
    priors = {}
    for preset in PRESETS:
        key = ",".join(preset.names)
        if key not in priors and len(members):
            priors[key] = prior_shares(
                preset.names,
                preset.edges,
                members.redshift,
                members.prior,
                members.model,
            )
    which = ", a random part of those that are ok" if len(members) == MOST else ""
    if not which and len(members) < rows:
        which = ", those that are ok"
    return Sample(
        "the run of this server",
        f"{len(members):,} of {rows:,} rows of the run, with {members.values.shape[1]} draws each"
        f"{which}. The population is that of the galaxies in the catalogue, however they were "
        "selected: for a corrected one, give sedflow population the weights 1/Vmax.",
        members.ids,
        _medians(members),
        {},
        members=members,
        priors=priors,
    )


def _medians(members):
    with np.errstate(invalid="ignore"):
        mass, ssfr = (_median(members.values[..., k]) for k in range(2))
    return {"mass": mass, "ssfr": ssfr, "redshift": members.redshift}


def _median(values):
    """Medians (n,) of draws; those without a value count as low."""
    middle = np.median(np.where(np.isnan(values), -np.inf, values), axis=1)
    return np.where(np.isfinite(middle), middle, np.nan)


def _columns_of(members, names):
    columns = [list(AXES).index(name) for name in names]
    return replace(members, values=members.values[..., columns])
