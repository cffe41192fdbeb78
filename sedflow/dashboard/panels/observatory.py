"""Observe a model galaxy: noise, bands that are missing, and the mock that comes of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import OwnGalaxy
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.widgets import PRESSED, NumberField, plain, prose
from sedflow.errors import SedflowError
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import as_theta
from sedflow.photometry import Photometry

__all__ = ["Observatory", "observe"]

_LIKE_NSA = "like the NSA"
_DIGITS = ".6g"  # of fluxes and the redshift: links stay short


def observe(
    flux, redshift, bands: Sequence[str], seed: int | None, snr=None, missing=()
) -> Photometry:
    """A noisy observation of noise-free fluxes (n_band,) [nanomaggies].

    snr : signal-to-noise of every band; None for errors like the atlas'
    missing : bands left out
    """
    rng = np.random.default_rng(seed)
    flux = np.asarray(flux, float)
    sigma = nsa_noise(bands).sample(flux[None], rng)[0] if snr is None else flux / snr
    seen = flux + sigma * rng.standard_normal(flux.shape)
    out = np.isin(bands, list(missing))
    # As an address has them: whoever follows the link sees the same draws.
    seen, sigma = (np.array([float(f"{v:{_DIGITS}}") for v in values]) for values in (seen, sigma))
    return Photometry(
        np.where(out, np.nan, seen),
        np.where(out, np.nan, sigma),
        float(f"{float(redshift):{_DIGITS}}"),
        tuple(bands),
    )


class Observatory(param.Parameterized):
    """Noise, missing bands and seed of a mock, and the button that observes it.

    Parameters
    ----------
    bands : sequence of str
        Bands of the model.
    engine : Engine or None
        Keeps the mocks, for the page Explore.
    galaxy : callable() -> (bands, flux, redshift, theta)
        The galaxy that is shown: noise-free fluxes (n_band,) [nanomaggies], and its parameters.

    Attributes
    ----------
    line : the controls beside each other, for the page
    """

    observed = param.String(default="", doc="Name of the mock that was observed last")

    def __init__(
        self,
        bands: Sequence[str],
        engine: Engine | None,
        galaxy: Callable[[], tuple[Sequence[str], Any, float, Any, str]],
        **params,
    ):
        super().__init__(**params)
        self._engine, self._galaxy = engine, galaxy
        self.noise = pn.widgets.RadioButtonGroup(
            label="errors", options=[_LIKE_NSA, "one S/N"], value=_LIKE_NSA, stylesheets=[PRESSED]
        )
        self.snr = NumberField(
            label="signal-to-noise", value=20.0, start=1.0, end=1000.0, step=5.0, width=95
        )
        self.snr.disabled = True  # until it counts
        self.noise.param.watch(
            lambda event: self.snr.param.update(disabled=event.new == _LIKE_NSA), "value"
        )
        self.missing = pn.widgets.MultiChoice(
            label="missing bands", options=list(bands), value=[], width=190
        )
        self.missing.placeholder = "none"
        self.seed = pn.widgets.IntInput(
            label="seed of the noise", value=1, start=0, end=2**31 - 1, width=95
        )
        button = pn.widgets.Button(
            label="Observe and infer",
            color="primary",
            align="end",
            description="Draw a noisy observation of this galaxy, and see on Explore whether its "
            "posterior holds the truth",
        )
        button.on_click(lambda event: self.observe())
        self._said = prose("", margin=(0, 6), sizing_mode=None)
        controls = pn.FlexBox(
            prose("**Observe it**", margin=(2, 6), sizing_mode=None),
            self.noise,
            self.snr,
            self.seed,
            self.missing,
            button,
            self._said,
            align_items="center",
            margin=0,
        )
        self.line = pn.Column(controls, sizing_mode="stretch_width", margin=0)
        self.line.css_classes = ["observe"]

    def observe(self) -> None:
        """Add a mock of the galaxy shown to the engine; its name goes to `observed`."""
        bands, flux, redshift, theta, ssp = self._galaxy()
        snr, seed = (
            None if self.noise.value == _LIKE_NSA else self.snr.value or 0.0,
            self.seed.value,
        )
        if not (snr is None or snr > 0) or seed is None or seed < 0:
            self._said.object = (
                "Not observed: type a signal-to-noise above 0, and a seed from 0 on."
            )
            return
        try:
            seen = observe(flux, redshift, bands, seed, snr, self.missing.value)
        except SedflowError as error:
            self._said.object = f"Not observed: {plain(error)}."
            return
        if self._engine is None:
            self._said.object = "There is no page Explore here to show it on."
            return
        name = self._engine.add(f"mock {self.seed.value}", OwnGalaxy(seen, as_theta(theta), ssp))
        self._said.object = f"Observed as **{name}**."
        self.observed = name
