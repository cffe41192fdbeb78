"""Build sedflow/dashboard/learn/pictures/: a small drawing for each lesson on the list of them.

    python tools/build_lesson_pictures.py       # a minute on one core

Every line is of the model, of a galaxy or of its draws; there are no axes, for a drawing of this
size says what a lesson is about, not how much. Colours of text and ground follow the page's theme.
"""

from pathlib import Path

import numpy as np

import sedflow
from sedflow.dashboard.learn.look_alikes.lesson import SSP, find_triple
from sedflow.dashboard.learn.one_parameter.lesson import theta_with
from sedflow.palette import BLUE, GREEN, ORANGE, PURPLE, VERMILION

OUT = Path(__file__).parent.parent / "sedflow" / "dashboard" / "learn" / "pictures"
WIDTH, HEIGHT, EDGE = 320, 88, 6
INK, FAINT, ACCENT = "var(--sf-ink)", "var(--sf-quiet)", BLUE
WAVE = np.geomspace(3300.0, 9500.0, 110)  # observed [angstrom]
GALAXY = 72  # of the paper's example


def scaled(values, low, high, size, flip=False):
    """Positions on the drawing of values between `low` and `high`."""
    share = (np.asarray(values, float) - low) / (high - low)
    return EDGE + (1 - share if flip else share) * (size - 2 * EDGE)


def path(x, y, colour, width=1.5, fill=None, opacity=1.0, dash=None):
    """A line through points on the drawing; with a fill, closed along the lower edge."""
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    line = f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="{width}"'
    line += f' stroke-opacity="{opacity}"' if opacity != 1 else ""
    line += f' stroke-dasharray="{dash}"/>' if dash else "/>"
    if fill is None:
        return line
    ends = f"L{x[-1]:.1f} {HEIGHT - EDGE}L{x[0]:.1f} {HEIGHT - EDGE}Z"
    return f'<path d="M{points}{ends}" fill="{colour}" fill-opacity="{fill}"/>{line}'


def dots(x, y, colour, radius, opacity=1.0):
    """Dots at points on the drawing."""
    marks = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}"/>' for a, b in zip(x, y, strict=True)
    )
    return f'<g fill="{colour}" fill-opacity="{opacity}">{marks}</g>'


def light(model, theta, redshift=0.05):
    """F_lambda (n, 110) at `WAVE`, averaged over the steps between its points."""
    spectrum = model.spectrum(theta, redshift)
    total = np.concatenate([[0.0], np.cumsum(np.gradient(spectrum.wavelength))])
    edges = np.sqrt(WAVE[1:] * WAVE[:-1])
    edges = np.concatenate([[WAVE[0] ** 2 / edges[0]], edges, [WAVE[-1] ** 2 / edges[-1]]])
    out = []
    for flux in np.atleast_2d(spectrum.flux):
        sums = np.concatenate([[0.0], np.cumsum(flux * np.gradient(spectrum.wavelength))])
        ends = spectrum.wavelength[0] + total - total[1] / 2
        out.append(np.diff(np.interp(edges, ends, sums)) / np.diff(edges))
    return np.array(out)


def curves(flux, colours, fill=0.10, low=0.0):
    """Spectra on the drawing from a share of their peak up, each over a light fill."""
    x = scaled(WAVE, WAVE[0], WAVE[-1], WIDTH)
    high = flux.max()
    return "".join(
        path(x, scaled(f, low * high, 1.08 * high, HEIGHT, flip=True), c, fill=fill)
        for f, c in zip(flux, colours, strict=True)
    )


def one_parameter():
    """A galaxy under no dust, some, and much."""
    model = sedflow.SEDModel()
    flux = light(model, theta_with("tau_ism", [0.0, 0.5, 1.5]))
    return curves(flux, (BLUE, GREEN, VERMILION))


def look_alikes():
    """Three galaxies of one colour."""
    model = sedflow.SEDModel(SSP)
    triple = find_triple(model, 0.55)
    flux = light(model, np.array([galaxy.theta for galaxy in triple.galaxies]))
    return curves(flux, (PURPLE, VERMILION, GREEN), fill=0.05, low=0.35)


def by_hand(galaxy, fit):
    """The lesson's galaxy: a guess, the answer, and what was measured."""
    model = sedflow.SEDModel()
    best = fit.best
    guess = best.copy()
    guess[[0, 10]] += (-0.02, 0.5)
    flux = light(model, np.array([guess, best]), float(galaxy.redshift))
    x, high = scaled(WAVE, WAVE[0], WAVE[-1], WIDTH), 1.3 * flux.max()
    rows = [scaled(f, 0, high, HEIGHT, flip=True) for f in flux]
    wave = np.array([sedflow.load_band(band).pivot for band in galaxy.bands])
    spot = scaled(wave, WAVE[0], WAVE[-1], WIDTH)
    shown = model.photometry(best, float(galaxy.redshift), galaxy.bands)
    level = np.interp(wave, WAVE, flux[1]) * galaxy.flux / shown
    return (
        path(x, rows[0], FAINT, dash="4 3")
        + path(x, rows[1], ACCENT, fill=0.1)
        + dots(spot, scaled(level, 0, high, HEIGHT, flip=True), INK, 3.5)
    )


def abc_to_amortized(fit):
    """Draws of the prior, and those of the posterior among them."""
    prior = sedflow.Prior().sample(200, 3)
    draws = fit.draws.resampled(120, seed=1).theta
    x, y = sedflow.NAMES.index("log_mstar"), sedflow.NAMES.index("tau_ism")
    low, high = prior[:, [x, y]].min(0), prior[:, [x, y]].max(0)
    marks = []
    for rows, colour, radius, opacity in ((prior, FAINT, 1.6, 0.5), (draws, ACCENT, 2, 0.8)):
        across = scaled(rows[:, x], low[0], high[0], WIDTH)
        marks.append(
            dots(across, scaled(rows[:, y], low[1], high[1], HEIGHT, True), colour, radius, opacity)
        )
    return "".join(marks)


def steps(values, edges, weights=None):
    """Counts (n,) in equal steps, and their corners along x."""
    count, _ = np.histogram(values, edges, weights=weights, density=True)
    return np.repeat(edges, 2)[1:-1], np.repeat(count, 2)


def out_of_domain(nsa, posterior):
    """A galaxy outside the training domain: the network's answer, and the exact one."""
    galaxy = nsa.photometry(75215, posterior.bands)
    exact = sedflow.fit(galaxy, posterior, n=4000, seed=1)
    network = posterior.sample(galaxy, n=4000, seed=1)
    a, b = network.theta[:, 10], exact.draws.resampled(4000, seed=1).theta[:, 10]
    edges = np.linspace(0.0, 3.0, 31)
    lines = [steps(values, edges) for values in (a, b)]
    high = 1.08 * max(y.max() for _, y in lines)
    return "".join(
        path(scaled(x, 0, 3, WIDTH), scaled(y, 0, high, HEIGHT, True), colour, fill=0.15)
        for (x, y), colour in zip(lines, (GREEN, BLUE), strict=True)
    )


def populations(nsa, posterior):
    """Posteriors of the mass of some galaxies, and of all of them together."""
    ids = nsa.ids[:: len(nsa.ids) // 40][:40]
    fits = [sedflow.fit(nsa[int(k)], posterior, n=2000, seed=1, trust=None) for k in ids]
    mass = np.linspace(7.0, 12.0, 100)
    bell = np.array([_density(fit["log_mstar"], mass) for fit in fits])
    x = scaled(mass, mass[0], mass[-1], WIDTH)
    one = bell / bell.max() * 0.75
    whole = bell.mean(0) / bell.mean(0).max()
    lines = [
        path(x[y > 0.01], scaled(y[y > 0.01], 0, 1.08, HEIGHT, True), FAINT, 1, opacity=0.45)
        for y in one
    ]
    all_together = scaled(whole, 0, 1.08, HEIGHT, True)
    return "".join(lines) + path(x, all_together, ORANGE, 2.2, fill=0.12)


def _density(values, at):
    """Density of draws, smoothed by their own scatter."""
    width = max(np.std(values) * len(values) ** -0.2, 0.03)
    return np.exp(-0.5 * ((at[:, None] - values) / width) ** 2).mean(1) / width


def main():
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    galaxy = nsa[GALAXY]
    fit = sedflow.fit(galaxy, posterior, n=4000, seed=1)
    drawings = {
        "parameters": one_parameter(),
        "look-alikes": look_alikes(),
        "fit-by-hand": by_hand(galaxy, fit),
        "abc-to-network": abc_to_amortized(fit),
        "trust": out_of_domain(nsa, posterior),
        "populations": populations(nsa, posterior),
    }
    OUT.mkdir(exist_ok=True)
    for key, drawing in drawings.items():
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        text = f'{head} width="100%" style="display:block" aria-hidden="true">{drawing}</svg>\n'
        (OUT / f"{key}.svg").write_text(text)
        print(key, len(text))


if __name__ == "__main__":
    main()
