"""Observe a model galaxy: noise, bands that are missing, and the mock that comes of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import OwnGalaxy
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.widgets import PRESSED, NumberField, plain, prose, typeset
from sedflow.errors import SedflowError
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import as_theta
from sedflow.photometry import Photometry

__all__ = ["Observatory", "observe"]

_LIKE_NSA = "like the NSA"
_SNRS, _SEEDS = (1, 1000), (0, 2**31 - 1)  # the least and the most of each
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


def _inside(field, limits):
    """The number of a field as it was typed, which an end of the field would put another for.

    Raises
    ------
    SedflowError
        There is none, or it is outside the limits.
    """
    value, (low, high) = field.value, limits
    if value is None:
        raise SedflowError(f"{field.label} is empty; type a number from {low} to {high}")
    if not low <= value <= high:
        raise SedflowError(
            f"{field.label} = {value:.10g} is outside {low} to {high}; type one inside"
        )
    return value


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
        self.snr = NumberField(label="signal-to-noise", value=20.0, step=5.0, width=95)
        self.snr.disabled = True  # until it counts
        self.noise.param.watch(
            lambda event: self.snr.param.update(disabled=event.new == _LIKE_NSA), "value"
        )
        self.missing = pn.widgets.MultiChoice(
            label="missing bands", options=list(bands), value=[], width=190
        )
        self.missing.placeholder = "none"
        self.seed = pn.widgets.IntInput(label="seed of the noise", value=1, width=95)
        button = HintButton(
            "Draw a noisy observation of this galaxy, and see on Explore whether its posterior "
            "holds the truth",
            label="Observe and infer",
            color="primary",
            align="end",
        )
        button.on_click(lambda event: self.observe())
        self._said = prose("", margin=(0, 6), sizing_mode=None)
        for field in (self.noise, self.snr, self.seed, self.missing):
            field.param.watch(lambda event: self.forget(), "value")
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

    def forget(self) -> None:
        """Say nothing of the galaxy before, where another is shown."""
        self._said.object = ""

    def observe(self) -> None:
        """Add a mock of the galaxy shown to the engine; its name goes to `observed`."""
        try:
            bands, flux, redshift, theta, ssp = self._galaxy()
            seed = _inside(self.seed, _SEEDS)
            snr = None if self.noise.value == _LIKE_NSA else _inside(self.snr, _SNRS)
            seen = observe(flux, redshift, bands, seed, snr, self.missing.value)
        except SedflowError as error:
            self._said.object = f"Not observed: {plain(typeset(error))}."
            return
        if self._engine is None:
            self._said.object = "There is no page Explore here to show it on."
            return
        name = self._engine.add(f"mock {seed}", OwnGalaxy(seen, as_theta(theta), ssp))
        self._said.object = f"Observed as **{name}**."
        self.observed = name
