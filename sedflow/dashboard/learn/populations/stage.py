"""Stage of the lesson on populations."""

import numpy as np
import panel as pn

from sedflow.dashboard.learn.populations import lesson
from sedflow.dashboard.learn.populations.figures import PopulationsFigures
from sedflow.dashboard.learn.populations.problem import HIGH, LOW, atlas, known
from sedflow.dashboard.panels.population_state import PARTS

_SAME = 1.2  # times the other share, below which two shares count as alike
_NAME = "log_mstar"


class Populations(PopulationsFigures):
    """Galaxies whose population is known, then the packaged atlas."""

    def enter(self, step: str) -> None:
        self._step, self._revealed = step, False
        self._look()

    def reveal(self, step: str, choice: str | None) -> None:
        self._revealed = True
        self._look()

    def facts(self, step: str) -> dict | None:
        if step == "atlas":
            return None if self.atlas is None else self._of_atlas(self.atlas)
        return None if self.known is None else self._of_known(self.known)

    def right(self, step: str) -> str | None:
        if step == "atlas" and self.atlas is not None:
            few, many = sorted(self.atlas.low.values())
            if many < _SAME * few:
                return lesson.ALIKE
            return max(self.atlas.low, key=self.atlas.low.__getitem__)
        if self.known is None:
            return None
        if step == "medians":
            wide = self.known.medians.std() > self.known.true.std()
            return lesson.WIDER if wide else lesson.NARROWER
        population = self.known.population
        stack, medians = (
            self.known.distance(density) for density in (population.stack(), population.medians())
        )
        return lesson.FARTHER if stack > medians else lesson.NEARER

    # Work

    def _moved(self, event):
        self._look()
        if self._sigma == (None if self.known is None else self.known.sigma):
            self.scene.changed()

    @property
    def _sigma(self):
        return round(float(self.sigma.value), 1)

    def _look(self):
        """Draw what is known, and ask for what is not."""
        if self._step == "atlas":
            if self.atlas is None:
                self._arrange()
                self.scene.run(atlas, self._found_atlas)
                return
        elif self.known is None or self.known.sigma != self._sigma:
            self._arrange()
            sigma, seed = self._sigma, self.scene.seed
            self.scene.run(lambda: known(sigma, seed), self._found)
            return
        with pn.io.hold():
            self._draw()

    def _found(self, found):
        self.known = found
        self._look()

    def _found_atlas(self, found):
        self.atlas = found
        self._look()

    # Numbers

    def _of_known(self, found):
        population, n = found.population, len(found.true)
        cells, held, near = found.held()
        low, high = n * population.fraction_above(_NAME, HIGH, q=[16, 84])
        return {
            "n": n,
            "sigma": found.sigma,
            "width_true": float(found.true.std()),
            "width_medians": float(found.medians.std()),
            "width_stack": found.stack_width,
            "high": HIGH,
            "high_true": int((found.true > HIGH).sum()),
            "high_medians": int((found.medians > HIGH).sum()),
            "high_low": low,
            "high_high": high,
            "cells": cells,
            "held": held,
            "held_medians": near,
            "rms_own": _rms(found.medians - found.true),
            "rms_shrunk": _rms(found.shrunk - found.true),
        }

    def _of_atlas(self, found):
        virgo, clusters = PARTS
        return {
            "n_atlas": len(found.everyone),
            "z_virgo": found.redshift(virgo),
            "z_clusters": found.redshift(clusters),
            "low": LOW,
            "share_virgo": found.low[virgo],
            "share_clusters": found.low[clusters],
            "times": found.times(clusters, virgo),
        }


def _rms(x):
    return float(np.sqrt(np.mean(np.square(x))))
