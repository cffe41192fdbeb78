"""What a visitor has chosen on the page of a population: a question, and which galaxies."""

from typing import Any

import param

from sedflow.population.presets import PRESETS

__all__ = ["CUTS", "EVERYONE", "EXACT", "PARTS", "PopulationState"]

#: What the galaxies can be cut by: column of the sample -> label.
CUTS = {
    "mass": "median log M\N{BLACK STAR} formed",
    "ssfr": "median log sSFR, last 100 Myr",
    "colour": "g \N{MINUS SIGN} r [mag]",
    "redshift": "redshift",
}
#: Those that have no error worth the name: galaxies cut by them are a population of their own.
EXACT = ("redshift",)
EVERYONE = "all galaxies"
#: Parts of the packaged atlas: name -> key, as the catalogue and the address have it.
PARTS = {"Virgo": "virgo", "seven clusters": "cluster"}


class PopulationState(param.Parameterized):
    """A question, which galaxies it is about, and the one that is picked."""

    preset: Any = param.Selector(
        default=PRESETS[0].key, objects=[p.key for p in PRESETS], doc="Question asked"
    )
    source = param.String(default="atlas", doc="Sample looked at: atlas or run")
    field = param.String(default=EVERYONE, doc="Part of the sample")
    cuts = param.Dict(default={}, doc="Column -> (low, high), None for no limit")
    up = param.String(default="redshift", doc="Column of `CUTS` up the map of the galaxies")
    galaxy = param.String(default="", doc="ID of the galaxy that is picked")

    def said(self, columns) -> str:
        """The selection in words."""
        parts = [] if self.field == EVERYONE else [self.field]
        for column, (low, high) in self.cuts.items():
            if column in columns:
                ends = ("" if low is None else f"from {low:.4g} ") + (
                    "" if high is None else f"to {high:.4g}"
                )
                parts.append(f"{CUTS[column]} {ends.strip()}".replace("-", "\N{MINUS SIGN}"))
        return "; ".join(parts)
