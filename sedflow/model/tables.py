"""What the fast forward model reads: an SSP grid made small, and what depends on redshift.

The fast model makes the sums of `SEDModel` in single precision and is written once
(`model.graph`), for numbers that come from outside: `ForwardTables` computes them, in double
precision, for any SSP grid and bands. What makes it fast, and what it costs
(`benchmarks/engine.py` prints both): wider wavelength bins; a low-rank form of the SSP table;
filter weights tabulated on redshift knots; and, for one galaxy, all that its redshift fixes
(time bins, their ages, the metallicity bases) multiplied into the tables beforehand.
"""

from functools import cached_property

import numpy as np
from scipy.ndimage import median_filter

from sedflow.bands import band_weights
from sedflow.model import cosmology, dust, sfh
from sedflow.model.light import LightTable, flux_scale
from sedflow.model.mass import REFERENCE
from sedflow.model.ssp import SOLAR_Z
from sedflow.parameters import N_PARAM

# Widths of the wavelength bins [dlnlambda] between the breaks [A, rest frame]: dust curves are
# steep in the ultraviolet and the 4000 A break in the blue, and for very red galaxies the red
# leak of the u filter is all that it has.
_STEPS = ((0.0, 0.001), (3300.0, 0.0025))
# An emission line may lie on the edge of a filter, so a bin whose light is so many times the
# median of its neighbours keeps its own width; no star is as sharp where bins are wide.
_LINE, _NEIGHBOURS = 2.0, 31
# Rank of the SSP table, and spacing in redshift of the knots between which the weights of bands
# are interpolated, four at a time. With bands that begin below `_UV_BAND` [A], where young stars
# differ most and filters have steep ends, both are finer; so are the knots of a grid with lines,
# which cross the ends of filters. Flux that dust dims by 100 mag underflows to zero in single
# precision.
_UV_BAND = 2500.0
_RANK, _KNOT_STEP = 72, 0.004
_UV_RANK, _FINE_KNOT_STEP = 160, 0.001
# A filter with `detail` below `_SHARP` sees single absorption lines: its part of the spectrum has
# so many bins for each detail (the grid's own at most), and so many knots, at least this far apart.
_SHARP, _BINS, _KNOTS, _LEAST_KNOT_STEP = 0.03, 40, 20, 1e-4
# For slopes alone: a sampler takes its steps by the likelihood of the finer tables.
_COARSE_STEP, _COARSE_RANK = 0.03, 32
BY_WAVE = ("spectra", "log_wave", "diffuse", "birth_cloud")
_KEPT = 32  # redshifts whose numbers are kept, some 400 kB each


class ForwardTables:
    """The numbers behind the fast model of one SSP grid in some bands.

    Parameters
    ----------
    model : SEDModel
    bands : tuple of str
    coarse : bool
        Wide wavelength bins, for slopes: 0.01 mag off, some times as fast.

    Attributes
    ----------
    fixed : dict of float32 arrays that no redshift changes
    knots (n_knot,) : redshifts of `knot_weights`
    knot_weights (n_knot, n_wave, n_band) : weights of the bands
    """

    def __init__(self, model, bands, coarse=False):
        self.model = model
        curves = self._curves = model._curves(bands)
        self.n_band = len(curves)
        z_top = self.max_redshift = model.max_redshift(bands)
        low = min(band.extent[0] for band in curves) / (1.0 + z_top)
        low = min(low, min(band.wavelength[0] for band in curves))
        high = max(band.wavelength[-1] for band in curves)
        uv = min(band.wavelength[0] for band in curves) < _UV_BAND
        self._reach = min(band.wavelength[0] for band in curves), high
        lines = _line_bins(model.grid)
        sharp = [band for band in curves if band.detail < _SHARP]
        if coarse:
            edges = np.exp(np.arange(np.log(low), np.log(high) + _COARSE_STEP, _COARSE_STEP))
        else:
            edges = _wave_edges(model.grid.wave_edges, low, high, lines)
            edges = np.union1d(edges, _sharp_edges(model.grid.wave_edges, sharp, z_top))
        grid = self.grid = model.grid.rebinned(edges)
        light = LightTable(grid, model.birth_cloud_age_gyr)
        self._n_young, self._n_met = light.n_young, light.n_met
        rank = _COARSE_RANK if coarse else _UV_RANK if uv or sharp else _RANK
        self._knot_step = _FINE_KNOT_STEP if uv or lines.size else _KNOT_STEP
        steps = [max(band.detail / _KNOTS, _LEAST_KNOT_STEP) for band in sharp]
        self._knot_step = min([self._knot_step, *steps])
        self._left, right = _low_rank(light.old, rank, np.diff(np.log(grid.wave_edges)))
        wave, n_age = grid.wave, grid.lg_age_gyr.size
        bases = model.bases
        history = np.concatenate(
            [bases.zh[:, :-1], np.diff(bases.zh, axis=1)], axis=0
        )  # at the start of each piece, and the rise to its end
        self.fixed = _single(
            log_age=grid.lg_age_gyr * np.log(10),
            log_z=(grid.feh + np.log10(SOLAR_Z)) * np.log(10),
            nodes=self._left,
            # 1 for the nodes whose stars sit in birth clouds
            clouded=np.repeat(np.arange(n_age) < self._n_young, self._n_met),
            spectra=right,
            time=bases.t_lookback,
            history=history.T,
            cloud_age=[model.birth_cloud_age_gyr],
            log_wave=np.log(wave / dust.PIVOT)[None],
            # The diffuse curve without its slope is linear in n.
            diffuse=np.stack(
                [
                    dust.calzetti_curve(wave) + dust.BUMP_OFFSET * dust.bump_curve(wave),
                    dust.BUMP_SLOPE * dust.bump_curve(wave),
                ]
            ),
            birth_cloud=dust.birth_cloud_curve(wave)[None],
        )
        # Time bins that the age of the universe cuts at some redshift in reach: at most three.
        age = cosmology.age_gyr(z_top)
        self._late = slice(int((sfh.bin_edges(np.inf)[1:] <= age).sum()), None)
        self._kept = {}

    def __getstate__(self):
        return self.__dict__ | {"_kept": {}}

    @cached_property
    def knots(self):
        n = max(4, int(np.ceil(self.max_redshift / self._knot_step)) + 1)
        return np.linspace(0.0, self.max_redshift, n)

    @cached_property
    def knot_weights(self):
        return self._weights(self.knots)

    def seen(self, first, last):
        """The wavelengths (a slice) that reach a band from between two redshifts."""
        ends = np.searchsorted(
            self.grid.wave_edges,
            [self._reach[0] / (1.0 + last), self._reach[1] / (1.0 + first)],
        )
        return slice(max(int(ends[0]) - 1, 0), min(int(ends[1]), self.grid.wave.size))

    def at_waves(self, waves):
        """The numbers of `fixed` that go by wavelength, at some of them (a slice)."""
        return {name: np.ascontiguousarray(self.fixed[name][:, waves]) for name in BY_WAVE}

    def _weights(self, redshift, kept=slice(None)):
        edges = self.grid.wave_edges[kept] * (1.0 + np.asarray(redshift)[:, None])
        return band_weights(self._curves, edges).astype(np.float32)

    def between_knots(self, redshift):
        """First (n,) of the four knots about each redshift, and their weights (4, n)."""
        knots = self.knots
        place = np.asarray(redshift, float) / knots[1]
        first = np.clip(place.astype(int) - 1, 0, len(knots) - 4)
        return first, np.stack(cubic(place - first))

    def scale(self, theta, redshift):
        """Factor (n, 1) to nanomaggies: all that depends on the mass."""
        return flux_scale(theta, redshift, self.grid.lsun)[:, None]

    def at(self, redshift: float) -> dict[str, np.ndarray]:
        """What one redshift fixes, multiplied into the tables; float32, kept for the next call.

        age (1, 1) [Gyr]
        formed (4, n_bin), total (1, 4) : mass in each time bin per basis, and in all of them
        metals (2, n_bin) : the metallicity bases
        old, old_step, young, young_step : light of each bin, see `_steps`
        bands (n_wave, n_band) : weights of the bands
        spectra, log_wave, diffuse, birth_cloud : those of `fixed`, at the wavelengths of bands
        """
        found = self._kept.get(redshift)
        if found is None:  # threads may both compute it: no harm
            found = self._at(redshift)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[redshift] = found
        return found

    def _at(self, redshift):
        z = np.array([redshift])
        age = cosmology.age_gyr(z)
        waves = self.seen(redshift, redshift)
        bands = self._weights(z, slice(waves.start, waves.stop + 1))[0]
        numbers = _single(age=age[:, None], total=self._total(age).T, bands=bands)
        return self._bins(sfh.bin_edges(age)[0], slice(None)) | numbers | self.at_waves(waves)

    @cached_property
    def early(self):
        """As `at`, of the time bins that are the same at all redshifts; no age, no bands."""
        return self._bins(sfh.bin_edges(np.inf), slice(0, self._late.start))

    @cached_property
    def late_nodes(self):
        """Light of the age nodes that the later bins may lie between: see `late`.

        late (n_node, 2 rank), late_step (n_node (n_met - 1), 2 rank) : old and young light
        """
        kept = self._late_slice
        rows = np.arange(self.grid.lg_age_gyr.size)[kept]
        young = (rows < self._n_young)[:, None, None]
        light = self._left.reshape(-1, self._n_met, self._left.shape[1])[kept]
        light = np.concatenate([light * ~young, light * young], axis=-1)
        first, step = _steps(light)
        return _single(late=first, late_step=step)

    @cached_property
    def _late_slice(self):
        edges = sfh.bin_edges(cosmology.age_gyr(np.array([0.0, self.max_redshift])))
        centers = sfh.bin_centers(edges)[:, self._late]
        ia, _ = self.grid.age_weights(centers)
        return slice(int(ia.min()), int(ia.max()) + 2)

    def late(self, redshift) -> dict[str, np.ndarray]:
        """What each of n redshifts fixes, of the later time bins; double precision.

        age (n, 1) [Gyr]; total (n, 4); late_formed (n, 4, n_late); late_metals (n, 2, n_late);
        late_ages (n, n_node, n_late) : weights of the nodes of `late_nodes`
        """
        z = np.asarray(redshift, float)
        age = cosmology.age_gyr(z)
        edges = sfh.bin_edges(age)[:, self._late.start :]
        centers = sfh.bin_centers(edges)
        bases = self.model.bases
        formed = np.diff(bases.formed_before(edges), axis=-1)
        ia, wa = self.grid.age_weights(centers)
        nodes = np.arange(self.grid.lg_age_gyr.size)[self._late_slice, None]
        ia, wa = ia[:, None], wa[:, None]
        return {
            "age": age[:, None],
            "total": self._total(age).T,
            "late_formed": formed.transpose(1, 0, 2),
            "late_metals": bases.metal_curves(centers).transpose(1, 0, 2),
            "late_ages": np.where(nodes == ia, 1 - wa, 0.0) + np.where(nodes == ia + 1, wa, 0.0),
        }

    def log_scale(self, redshift):
        """Natural log (n,) of the factor to nanomaggies at log_mstar = `mass.REFERENCE`."""
        theta = np.full((len(redshift), N_PARAM), REFERENCE)
        return np.log(flux_scale(theta, redshift, self.grid.lsun))

    def _total(self, age):
        bases = self.model.bases
        return bases.formed_before(age) - bases.formed_before(np.zeros_like(age))

    def _bins(self, edges, kept):
        """Masses, metallicities and light of time bins with these edges (n_bin + 1,)."""
        bases, centers = self.model.bases, sfh.bin_centers(edges)[kept]
        formed = np.diff(bases.formed_before(np.where(np.isfinite(edges), edges, 0.0)))[:, kept]
        ia, wa = self.grid.age_weights(centers)
        n_age = self.grid.lg_age_gyr.size
        weights = np.zeros((len(centers), n_age))
        np.put_along_axis(weights, ia[:, None], 1 - wa[:, None], 1)
        np.put_along_axis(weights, ia[:, None] + 1, wa[:, None], 1)
        nodes = self._left.reshape(n_age, -1)
        n_young = self._n_young
        shape = (len(centers), self._n_met, -1)
        old = (weights[:, n_young:] @ nodes[n_young:]).reshape(shape)
        young = (weights[:, :n_young] @ nodes[:n_young]).reshape(shape)
        in_cloud = np.flatnonzero(weights[:, :n_young].any(axis=1))
        young = young[: in_cloud.max(initial=0) + 1]  # the first few bins
        (old, old_step), (young, young_step) = _steps(old), _steps(young)
        return _single(
            formed=formed,
            metals=bases.metal_curves(centers),
            old=old,
            old_step=old_step,
            young=young,
            young_step=young_step,
        )


def cubic(x):
    """Weights of values at 0, 1, 2 and 3 in a cubic through them, read at x."""
    return [
        -(x - 1) * (x - 2) * (x - 3) / 6,
        x * (x - 2) * (x - 3) / 2,
        -x * (x - 1) * (x - 3) / 2,
        x * (x - 1) * (x - 2) / 6,
    ]


def _single(**arrays):
    return {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in arrays.items()}


def _steps(light):
    """Light (n, n_met, rank) as that of the lowest metallicity (n, rank), and the steps from
    one metallicity to the next (n (n_met - 1), rank)."""
    return light[:, 0], np.diff(light, axis=1).reshape(-1, light.shape[-1])


def _low_rank(table, rank, width):
    """A table (n_node, n_wave) as a product of two thin ones, (n_node, rank) and (rank, n_wave).

    Rows and columns are scaled first, so that the error is relative to each node's own light at
    each wavelength: old populations are as exact as young ones, and the red light of a young
    one, which is what dust lets through, as its ultraviolet. width (n_wave,) of the bins: a
    narrow one counts as little as it adds to a band.
    """
    row = table.mean(axis=1, keepdims=True)
    column = (table / row).mean(axis=0, keepdims=True)
    column = np.where(column > 0, column, 1.0)
    row = row * (table / (row * column)).mean(axis=1, keepdims=True)
    column = column / np.sqrt(width / width.max())
    left, right = _leading(table / (row * column), rank)
    return left * row, right * column


def _leading(matrix, rank):
    """The leading singular vectors, (n, rank) times their values and (rank, m).

    By random projection with two power iterations (Halko, Martinsson & Tropp 2011, SIAM Review
    53, 217, algorithm 5.1): as good as all of them, in a sixth of the time.
    """
    rank = min(rank, *matrix.shape)
    rng = np.random.default_rng(0)
    image = matrix @ rng.standard_normal((matrix.shape[1], min(rank + 16, *matrix.shape)))
    for _ in range(2):
        image = matrix @ np.linalg.qr(matrix.T @ np.linalg.qr(image)[0])[0]
    basis = np.linalg.qr(image)[0]
    u, s, vt = np.linalg.svd(basis.T @ matrix, full_matrices=False)
    return (basis @ u)[:, :rank] * s[:rank], vt[:rank]


def _line_bins(grid):
    """Indices of the bins that hold an emission line at any age, where bins are widened."""
    light = grid.luminosity.mean(axis=0)  # lines of one metallicity are lines of all
    beside = median_filter(light, size=(1, _NEIGHBOURS))
    return np.flatnonzero((light > _LINE * beside).any(axis=0) & (grid.wave > _STEPS[-1][0]))


def _wave_edges(native, low, high, lines):
    """Edges of the wide bins between two wavelengths, plus one bin beyond each end.

    lines : indices of native bins that keep their width
    """
    low, high = max(low, native[0]), min(high, native[-1])
    parts, start = [], np.log(low)
    for (_, step), end in zip(_STEPS, [*(first for first, _ in _STEPS[1:]), np.inf], strict=True):
        end = np.log(min(end, high))
        if end > start:
            parts.append(np.arange(start, end, step))
            start = end
    wide = np.exp(np.concatenate([*parts, [start, start + step]]))
    narrow = np.concatenate([native[lines], native[lines + 1]])
    return np.union1d(wide, narrow[(narrow > low) & (narrow < high)])


def _sharp_edges(native, bands, z_top):
    """Edges of the fine bins that sharp filters see, up to a redshift."""
    parts = [np.zeros(0)]
    for band in bands:
        low, high = max(band.wavelength[0] / (1.0 + z_top), native[0]), band.wavelength[-1]
        step = band.detail / _BINS
        if step < np.diff(np.log(native)).min():
            parts.append(native[(native > low) & (native < high)])
        else:
            parts.append(np.exp(np.arange(np.log(low), np.log(min(high, native[-1])), step)))
    return np.concatenate(parts)
