"""Saved fits: the same to the last bit, or refused; and what other tools get to see."""

import resource
import warnings
from dataclasses import fields, is_dataclass, replace

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable.exceptions import VOWarning
from astropy.table import Table
from fuzz import answer, inputs
from hypothesis import example, given
from hypothesis import strategies as st

import sedflow
from sedflow import bands
from sedflow.draws import Draws
from sedflow.errors import BadFitFile, SedflowError
from sedflow.fits import store
from sedflow.fits.export import TABLE_FORMATS, to_arviz, to_table, write_table
from sedflow.fits.fit import Fit, load_fit, save_fit
from sedflow.fits.grid_files import grid_folder
from sedflow.fits.structure import todays_verdict
from sedflow.fits.summary import Summary
from sedflow.model.derived import ALL
from sedflow.model.likelihood import log_likelihood
from sedflow.model.sed import SEDModel, default_model
from sedflow.model.ssp import load_ssp
from sedflow.parameters import NAMES
from sedflow.sampling.importance import smooth
from sedflow.sampling.verdict import Verdict
from sedflow.trust_limits import Convergence

QUANTITIES = [q.name for q in ALL]
N = 40


def make_fit(shape=(), ids="numbers", full=True, n=N, **changes):
    """A fit of made-up draws of a batch of any shape; `full` has every part that a fit can have."""
    rng = np.random.default_rng(5)
    size = int(np.prod(shape))
    names = {
        "numbers": 72 + np.arange(size),
        "text": np.array([f"J{k}+é" for k in range(size)], dtype=str),
        "objects": np.array([f"galaxy {k}" for k in range(size)], dtype=object),
        "bytes": np.array([b"M 31"] * size),
        "none": None,
    }[ids]
    flux = rng.normal(50, 10, (*shape, 5))
    galaxy = sedflow.Photometry(
        flux,
        0.05 * np.abs(flux),
        rng.uniform(0.02, 0.1, shape),
        ids=None if names is None else names.reshape(shape),
    )
    draws = Draws(sedflow.Prior().sample(size * n, seed=2).reshape(*shape, n, 12))
    about = {"seed": 3, "sampler": "made up", "weights_sha256": "ab" * 32}
    if full:
        draws = _with_figures(draws, rng)
        about["verdict"] = _verdicts(shape, rng)
    return Fit(
        **{"photometry": galaxy, "draws": draws, "model": default_model("fsps")} | about | changes
    )


def _with_figures(draws, rng):
    shape, n = draws.shape, draws.n
    log_weight = rng.normal(0, 1, (*shape, n))
    weights, importance = smooth(log_weight)
    figures = [rng.random((*shape, 12)) for _ in range(3)] + [rng.random(shape) for _ in range(5)]
    figures[-1] = np.full(shape, np.nan)
    convergence = Convergence(*(np.asarray(f) for f in figures), method="smc")
    return Draws(draws.theta, log_weight, weights, importance, convergence)


def _verdicts(shape, rng):
    columns = {name: rng.random(shape) for name in Verdict.names()}
    columns |= {"inside": rng.random(shape) < 0.5, "seconds": rng.random((*shape, 3))}
    for name, text in (
        ("kind", "exact (MCMC)"),
        ("reason", "k-hat 0.91 is above ½."),
        ("warning", ""),
    ):
        columns[name] = text if shape == () else np.full(shape, text, dtype=object)
    return Verdict(**columns)


def assert_same(a, b):
    """Equal in type, and in every bit of every array below."""
    assert type(a) is type(b)
    if is_dataclass(a):
        for field in fields(a):
            if field.name not in ("model", "prior"):
                assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
    else:
        assert a == b or (a != a and b != b)


# The file


@pytest.mark.parametrize("full", [True, False], ids=["with figures", "draws alone"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)], ids=str)
def test_a_fit_comes_back_bit_for_bit(shape, full, tmp_path):
    fit = make_fit(shape, full=full)
    again = load_fit(save_fit(fit, tmp_path / "fit.h5"))
    assert_same(fit, again)
    assert again.model is fit.model
    assert again.prior.sfh == "flat"
    assert again.derived["age_mw"].tobytes() == fit.derived["age_mw"].tobytes()


def test_columns_of_theta_are_named_in_the_file(tmp_path):
    fit = make_fit((2,))
    with h5py.File(save_fit(fit, tmp_path / "fit.h5")) as file:
        about = file["draws/theta"].attrs
        assert tuple(about["columns"]) == NAMES
        units = dict(zip(about["columns"], about["units"], strict=True))
        assert u.Unit(units["t_burst"]) == u.Gyr and units["tau_ism"] == ""


def test_an_empty_batch_comes_back(tmp_path):
    fit = make_fit((0,), full=False)
    assert_same(fit, load_fit(save_fit(fit, tmp_path / "fit.h5")))


@pytest.mark.parametrize("shape", [(), (2,)], ids=str)
@pytest.mark.parametrize("ids", ["text", "objects", "bytes", "none"])
def test_ids_of_any_kind_come_back(ids, shape, tmp_path):
    fit = make_fit(shape, ids)
    assert_same(fit, load_fit(save_fit(fit, tmp_path / "fit.h5")))


@pytest.mark.parametrize("seed", [None, 0, 2**100, np.int64(7)])
def test_any_seed_comes_back(seed, tmp_path):
    fit = make_fit(seed=seed)
    assert_same(fit.seed, load_fit(save_fit(fit, tmp_path / "fit.h5")).seed)


def test_one_galaxy_of_a_saved_batch_is_that_of_the_batch(tmp_path):
    fit = make_fit((3,))
    assert_same(fit[1], load_fit(save_fit(fit, tmp_path / "batch.h5"))[1])
    assert_same(fit[1], load_fit(save_fit(fit[1], tmp_path / "one.h5")))


def test_the_verdict_of_the_ladder_comes_back(nsa, posterior, tmp_path):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=400, seed=1, trust="auto")
    again = load_fit(save_fit(fit, tmp_path / "fit.h5"))
    assert_same(replace(fit, draws=fit.draws.without_flux()), again)
    assert str(again.verdict) == str(fit.verdict)
    assert again.weights_sha256 == posterior.record["weights_sha256"]
    assert again.record_sha256 == posterior.record_sha256
    values = store.read(tmp_path / "fit.h5")
    del values["record_sha256"]  # as a version wrote it that did not keep it
    assert load_fit(store.write(tmp_path / "old.h5", values)).record_sha256 == ""


def test_single_precision_stays_single_and_double_double(tmp_path):
    fit = make_fit()
    low = replace(fit, draws=replace(fit.draws, theta=fit.draws.theta.astype(np.float32)))
    assert load_fit(save_fit(low, tmp_path / "f.h5")).draws.theta.dtype == np.float32
    assert load_fit(save_fit(fit, tmp_path / "f.h5")).draws.theta.dtype == np.float64


def test_model_and_prior_come_back(tmp_path):
    model = SEDModel("bc03", birth_cloud_age_gyr=0.1, bands=("g", "r"))
    fit = make_fit(model=model, prior=sedflow.Prior("provabgs"))
    again = load_fit(save_fit(fit, tmp_path / "fit.h5"))
    np.testing.assert_array_equal(again.model.grid.luminosity, model.grid.luminosity)
    assert again.model.birth_cloud_age_gyr == 0.1
    assert again.model.bands == ("g", "r")
    assert again.prior.sfh == "provabgs"


def test_other_programs_can_read_the_file(tmp_path):
    fit = make_fit()
    with h5py.File(save_fit(fit, tmp_path / "fit.h5")) as file:
        np.testing.assert_array_equal(file["draws/theta"], fit.draws.theta)
        assert file["draws/theta"].compression == "gzip"
        assert file["verdict/kind"].asstr()[()] == "exact (MCMC)"
        assert file["model/ssp"].asstr()[()] == "fsps"
        assert set(file["versions"]) == {"sedflow", "numpy", "onnxruntime", "astropy"}
        assert file["versions/sedflow"].asstr()[()] == sedflow.__version__


def test_the_same_fit_makes_the_same_bytes(tmp_path):
    first, second = (save_fit(make_fit((2,)), tmp_path / name) for name in ("a.h5", "b.h5"))
    assert first.read_bytes() == second.read_bytes()


@inputs(60)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
@example(where=0.0, flip=1, cut=False)
def test_any_wrong_byte_and_any_missing_end_are_refused(tmp_path, where, flip, cut):
    path = tmp_path / "fit.h5"
    path.unlink(missing_ok=True)  # what another example left, which may be no fit any more
    save_fit(make_fit(), path)
    wrong = bytearray(path.read_bytes())
    place = int(where * len(wrong))
    if cut:
        del wrong[place:]
    else:
        wrong[place] ^= flip
    path.write_bytes(wrong)
    assert answer(load_fit, path) is None


def test_ends_that_are_missing_or_too_many_are_told(tmp_path):
    path = save_fit(make_fit(), tmp_path / "fit.h5")
    whole = path.read_bytes()
    for length in (0, 1, 100, 512, 5000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BadFitFile, match=r"not a saved fit|cut short"):
            load_fit(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(BadFitFile, match="checksum"):
        load_fit(path)


def test_a_changed_number_is_refused(tmp_path):
    path = save_fit(make_fit(), tmp_path / "fit.h5")
    with h5py.File(path, "r+") as file:
        file["photometry/redshift"][...] = 0.3
    with pytest.raises(BadFitFile, match=r"fit\.h5 does not match its checksum.*save the fit"):
        load_fit(path)


def test_files_that_are_no_fits_are_refused(tmp_path):
    with pytest.raises(BadFitFile, match=r"nothing\.h5 cannot be opened"):
        load_fit(tmp_path / "nothing.h5")
    with pytest.raises(BadFitFile, match="cannot be opened"):
        load_fit(tmp_path)
    (tmp_path / "text.h5").write_text("posterior\n")
    with pytest.raises(BadFitFile, match="is not a saved fit"):
        load_fit(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["draws"] = np.zeros(3)
    with pytest.raises(BadFitFile, match="is not a saved fit"):
        load_fit(tmp_path / "other.h5")


@pytest.mark.parametrize("number", ["0", "2", "10", "-1", "one"])
def test_another_format_version_is_refused(tmp_path, number):
    path = save_fit(make_fit(), tmp_path / "fit.h5")
    label = f"sedflow-fit {number} ".encode()
    path.write_bytes(path.read_bytes().replace(b"sedflow-fit 1 ", label, 1))
    with pytest.raises(
        BadFitFile, match=rf"format version {number}, but sedflow .* reads version 1"
    ):
        load_fit(path)


def test_the_body_of_another_fit_is_refused(tmp_path):
    one, other = (save_fit(make_fit(n=n), tmp_path / f"{n}.h5") for n in (10, 11))
    one.write_bytes(one.read_bytes()[:512] + other.read_bytes()[512:])
    with pytest.raises(BadFitFile, match="does not match its checksum"):
        load_fit(one)


def test_fields_of_another_version_are_refused(tmp_path, monkeypatch):
    fit = make_fit()
    contents = sedflow.fits.fit_file._contents(fit)
    for wrong in (
        contents | {"draws/colour": "red"},
        {k: v for k, v in contents.items() if k != "draws/theta"},
    ):
        monkeypatch.setattr("sedflow.fits.fit_file._contents", lambda fit, wrong=wrong: wrong)
        path = save_fit(fit, tmp_path / "fit.h5")
        with pytest.raises(BadFitFile, match=r"was written by sedflow .* and does not fit sedflow"):
            load_fit(path)


def test_another_ssp_grid_is_refused_unless_a_model_is_given(tmp_path):
    grid = load_ssp("fsps")
    for other in (
        replace(grid, luminosity=1.01 * grid.luminosity),
        replace(grid, name="mine"),
        grid.rebinned(grid.wave_edges[::5]),
    ):
        model = SEDModel(other)
        path = save_fit(make_fit(model=model), tmp_path / "fit.h5")
        with pytest.raises(BadFitFile, match=r"SSP grid.*pass model=SEDModel"):
            load_fit(path)
        assert load_fit(path, model=model).model is model


def test_a_failed_save_leaves_the_file_that_was_there(tmp_path):
    fit = make_fit()
    path = save_fit(fit, tmp_path / "fit.h5")
    before = path.read_bytes()
    galaxy = replace(fit.photometry)
    object.__setattr__(galaxy, "ids", np.array({"a": 1}, dtype=object))
    odd = replace(fit, photometry=galaxy)
    with pytest.raises(SedflowError, match="photometry/ids holds Python objects"):
        save_fit(odd, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["fit.h5"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SedflowError, match=r"there is no folder .*results; make it"):
        save_fit(make_fit(), tmp_path / "results" / "fit.h5")
    with pytest.raises(SedflowError, match="is a folder"):
        save_fit(make_fit(), tmp_path)


# ArviZ


def test_arviz_sees_the_draws_of_one_galaxy():
    fit = make_fit(full=False)
    data = to_arviz(fit)
    assert set(data.posterior.data_vars) == set(QUANTITIES)
    assert dict(data.posterior.sizes) == {"chain": 1, "draw": N}
    for name in NAMES:
        np.testing.assert_array_equal(data.posterior[name][0], fit.draws[name])
    np.testing.assert_array_equal(data.posterior["a_v"][0], fit.derived["a_v"])
    assert data.posterior["t_burst"].attrs["units"] == "Gyr"
    np.testing.assert_array_equal(data.observed_data["flux"], fit.photometry.flux)
    np.testing.assert_array_equal(data.constant_data["sigma"], fit.photometry.sigma)
    assert float(data.constant_data["redshift"]) == fit.photometry.redshift
    assert data.observed_data["band"].values.tolist() == list("ugriz")
    np.testing.assert_allclose(data.log_likelihood["flux"].sum("band")[0], fit.log_likelihood)
    expected = fit.prior.log_prob(fit.draws.theta) + fit.log_likelihood
    np.testing.assert_array_equal(data.sample_stats["lp"][0], expected)
    for about in (data.attrs, data.posterior.attrs):
        assert (about["sampler"], about["seed"]) == ("made up", 3)
        assert about["title"] == fit.title


def test_arviz_gets_weighted_draws_resampled_and_all_groups_alike():
    fit = make_fit(n=2000)
    data = to_arviz(fit)
    for name in ("log_mstar", "age_mw"):
        values = fit.draws[name] if name in NAMES else fit.derived[name]
        drawn = data.posterior[name].values[0]
        assert np.isin(drawn, values).all()
        spread = np.std(values) / np.sqrt(2000)
        assert drawn.mean() == pytest.approx(fit.draws.weights @ values, abs=3 * spread)
    theta = np.stack([data.posterior[name].values[0] for name in NAMES], axis=-1)
    flux = fit.model.photometry(theta, fit.photometry.redshift, method="fast")
    like = log_likelihood(flux, fit.photometry)
    np.testing.assert_allclose(data.log_likelihood["flux"].sum("band")[0], like)
    pulls = (data.posterior_predictive["flux"].values[0] - flux) / fit.photometry.sigma
    assert pulls.mean() == pytest.approx(0, abs=0.05)
    assert pulls.std() == pytest.approx(1, abs=0.05)


def test_equal_weights_leave_the_draws_in_their_order():
    fit = make_fit(full=False)
    same = replace(fit, draws=replace(fit.draws, weights=np.full(N, 1 / N)))
    np.testing.assert_array_equal(to_arviz(same).posterior["tau_bc"][0], fit.draws["tau_bc"])


def test_arviz_data_survive_netcdf(tmp_path):
    import arviz

    data = to_arviz(make_fit(seed=None))
    again = arviz.from_netcdf(data.to_netcdf(str(tmp_path / "fit.nc")))
    assert again.groups() == data.groups()
    np.testing.assert_array_equal(again.posterior["n_dust"], data.posterior["n_dust"])
    assert "seed" not in again.posterior.attrs


def test_arviz_refuses_a_batch_and_a_galaxy_without_draws():
    with pytest.raises(SedflowError, match=r"there are 4; pass fit\[i\]"):
        to_arviz(make_fit((2, 2)))
    fit = make_fit()
    lost = replace(fit, draws=Draws(np.full((N, 12), np.nan), weights=np.full(N, np.nan)))
    with pytest.raises(SedflowError, match="has no draws"):
        to_arviz(lost)
    with pytest.raises(SedflowError, match="seed = -1; give a whole number"):
        to_arviz(fit, seed=-1)


# Tables


def read_back(path, form=None):
    with warnings.catch_warnings():  # of dex, which is not in the standards of FITS and VOTable
        warnings.simplefilter("ignore", u.UnitsWarning)
        warnings.simplefilter("ignore", VOWarning)
        return Table.read(path, format=form)


def assert_written(table, path):
    form = TABLE_FORMATS[path.suffix]
    again = read_back(path, form)
    assert again.colnames == table.colnames
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            assert [str(x) for x in again[name]] == list(table[name])
        else:
            np.testing.assert_array_equal(again[name], table[name])
        assert u.Unit(str(again[name].unit or "")) == u.Unit(str(table[name].unit or ""))
        # VOTable breaks the lines of long descriptions, and has no header but one of its own.
        said = [" ".join((t[name].description or "").split()) for t in (again, table)]
        assert said[0] == said[1]
    if form == "votable":
        assert f"TITLE = {table.meta['TITLE']}" in again.meta["description"]
    else:
        assert dict(again.meta) == table.meta


@pytest.mark.parametrize("quantiles", [True, False], ids=["quantiles", "draws"])
@pytest.mark.parametrize("extension", TABLE_FORMATS)
def test_a_written_table_is_the_table(extension, quantiles, tmp_path):
    fit = make_fit((2,), n=5)
    for name, one in (("batch", fit), ("one", fit[0])):
        path = tmp_path / f"{name}{extension}"
        assert_written(to_table(one, quantiles, path), path)


@pytest.mark.parametrize(
    ("ids", "extension"),
    [
        ("text", ".ecsv"),
        ("text", ".vot"),
        ("text", ".parquet"),
        ("bytes", ".fits"),
        ("bytes", ".parquet"),
        ("none", ".fits"),
        ("objects", ".fits"),
    ],
)
def test_ids_of_any_kind_are_written(ids, extension, tmp_path):
    path = tmp_path / f"fit{extension}"
    table = to_table(make_fit((2,), ids, n=2), path=path)
    assert ("id" in table.colnames) == (ids != "none")
    assert_written(table, path)


def test_quantiles_are_those_of_the_summary():
    fit = make_fit()
    table, summary = to_table(fit), fit.summary()
    assert list(table["name"]) == QUANTITIES
    assert table.meta["VERDICT"] == "exact (MCMC)"
    for q in ("p16", "p50", "p84"):
        np.testing.assert_array_equal(table[q], summary[q])
    batch = make_fit((2, 2))
    many = to_table(batch)
    assert list(many["galaxy"]) == [0, 1, 2, 3]
    assert list(many["id"]) == [72, 73, 74, 75]
    assert list(many["verdict"]) == ["exact (MCMC)"] * 4
    np.testing.assert_array_equal(many["a_v_p84"], batch.summary()["a_v_p84"])
    assert many["age_mw_p50"].unit == "Gyr"
    assert many["log_mstar_p16"].unit == u.dex(u.Msun)
    assert many["log_sfr_1gyr_p50"].unit == u.dex(u.Msun / u.yr)
    assert many["log_ssfr_1gyr_p84"].unit == u.dex(1 / u.yr)
    assert many["log_z_mw_p50"].unit == u.dex
    assert many["beta1_p50"].unit is None
    units = dict(zip(table["name"], table["unit"], strict=True))
    assert (units["log_mstar"], units["age_mw"], units["beta1"]) == ("dex(Msun)", "Gyr", "none")
    assert many["log_sfr_1gyr_p50"].description.endswith("[log10 Msun/yr]")


def test_a_table_of_draws_has_a_row_for_each():
    fit = make_fit((2, 2))
    table = to_table(fit, quantiles=False)
    assert table.colnames == ["galaxy", "id", *QUANTITIES, "weight"]
    assert len(table) == 4 * N
    third = table[table["galaxy"] == 2]
    assert set(third["id"]) == {74}
    np.testing.assert_array_equal(third["n_dust"], fit.draws["n_dust"][1, 0])
    np.testing.assert_array_equal(third["log_z_mw"], fit.derived["log_z_mw"][1, 0])
    np.testing.assert_array_equal(third["weight"], fit.draws.weights[1, 0])
    plain = to_table(make_fit(full=False), quantiles=False)
    assert plain.colnames == [*QUANTITIES, "weight"]
    assert (plain["weight"] == 1 / N).all()


def test_everything_said_in_a_table_is_ascii():
    for fit in (make_fit(), make_fit((2,))):
        for quantiles in (True, False):
            table = to_table(fit, quantiles)
            texts = [column.description or "" for column in table.itercols()]
            texts += [str(value) for value in table.meta.values()]
            texts += list(table["unit"]) if "unit" in table.colnames else []
            assert all(text.isascii() for text in texts)
            assert all(table[name].dtype.kind in "fiU" for name in table.colnames)


def test_a_galaxy_without_draws_keeps_its_row(tmp_path):
    fit = make_fit((2,))
    theta = np.array(fit.draws.theta)
    theta[1] = np.nan
    lost = replace(fit, draws=replace(fit.draws, theta=theta))
    table = to_table(lost, path=tmp_path / "lost.fits")
    assert np.isnan(table["log_mstar_p50"][1])
    assert np.isfinite(table["log_mstar_p50"][0])


def test_tables_are_not_written_where_they_should_not(tmp_path):
    fit = make_fit(full=False)
    with pytest.raises(SedflowError, match=r"'\.csv'; give one of \.fits, \.ecsv, \.vot"):
        to_table(fit, path=tmp_path / "fit.csv")
    path = tmp_path / "fit.ecsv"
    to_table(fit, path=path)
    with pytest.raises(SedflowError, match="exists; pass overwrite=True"):
        to_table(fit, path=path)
    to_table(fit, quantiles=False, path=path, overwrite=True)
    assert len(Table.read(path, format="ascii.ecsv")) == N
    with pytest.raises(SedflowError, match="can only hold ASCII"):
        to_table(make_fit((2,), "text"), path=tmp_path / "fit.fits")
    assert [p.name for p in tmp_path.iterdir()] == ["fit.ecsv"]


def test_an_id_that_is_not_text_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(SedflowError, match="not text and cannot be stored"):
        store.write(tmp_path / "a.h5", {"photometry/ids": np.array(["\ud800"])})
    assert not list(tmp_path.iterdir())


def edited(path, change):
    """A saved fit whose contents were changed, and hashed again."""
    with h5py.File(path, "r+") as file:
        change(file)
    with open(path, "r+b") as file:
        block = store._block(file)
        file.seek(0)
        file.write(block)
    return path


def put(name, value, kind="ndarray"):
    def change(file):
        if name in file:
            del file[name]
        file[name] = value
        file[name].attrs["kind"] = kind

    return change


ODD = {
    "eleven parameters": put("draws/theta", np.zeros((N, 11))),
    "no draws": lambda file: file.__delitem__("draws"),
    "no photometry": lambda file: file.__delitem__("photometry"),
    "a tuple": lambda file: file["draws/theta"].attrs.__setitem__("kind", "tuple"),
    "text": put("draws/theta", np.full((N, 12), b"x")),
    "density of another shape": put("draws/log_density", np.zeros((N, 2))),
    "verdicts of two galaxies": put("verdict/k_hat", np.zeros(2)),
    "a verdict that is none": put("verdict/kind", np.bytes_(b"certain"), "numpy"),
    "bands that are numbers": put("model/bands", np.arange(4), "tuple"),
    "wide text": lambda file: file["prior"].attrs.__setitem__("dtype", "<U500000000"),
    "deep groups": lambda file: file.create_group("/".join("a" * 300)),
    "many groups": lambda file: [file.create_group(f"g{k}") for k in range(300)],
}


@pytest.mark.parametrize("name", ODD)
def test_a_fit_that_is_none_is_refused_when_it_is_read(name, tmp_path):
    path = edited(save_fit(make_fit(), tmp_path / "a.h5"), ODD[name])
    with pytest.raises(BadFitFile):
        load_fit(path)


def test_a_fit_knows_its_filter_curves(tmp_path):
    curve = tmp_path / "c.dat"

    def write(centre):
        wave = np.linspace(centre - 900, centre + 900, 61)
        np.savetxt(curve, np.c_[wave, np.exp(-0.5 * ((wave - centre) / 300) ** 2)])

    write(6000.0)
    galaxy = sedflow.Photometry([1.0, 2.0], [0.1, 0.1], 0.05, ("u", str(curve)))
    path = save_fit(make_fit(full=False, photometry=galaxy), tmp_path / "a.h5")
    assert load_fit(path).photometry.bands == galaxy.bands
    for change, told in (
        (lambda: write(9000.0), "another filter curve"),
        (curve.unlink, "without its curve"),
    ):
        change()
        bands._FILE_BANDS.clear()  # as in a new process
        with pytest.raises(BadFitFile, match=told):
            load_fit(path)


@pytest.mark.parametrize("suffix", TABLE_FORMATS)
@pytest.mark.parametrize(
    "ids",
    [
        np.array([b"a", b"\xff"]),
        np.array([2**64 - 1, 1], dtype=np.uint64),
        np.array(["a\0", "a"], dtype=object),
        np.array(["a\0b", "a"], dtype=object),
        np.array([" a", "b"]),
        np.array(["a\tb", "b"]),
        np.array(["a", "\t"]),
    ],
    ids=str,
)
def test_ids_that_a_file_would_change_are_refused(ids, suffix, tmp_path):
    fit = make_fit((2,), full=False)
    fit = replace(fit, photometry=replace(fit.photometry, ids=ids))
    with pytest.raises(SedflowError, match="ID"):
        fit.to_table(tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", TABLE_FORMATS)
@pytest.mark.parametrize(
    "ids",
    [np.array([2**63 - 1, 1], dtype=np.uint64), np.array([b"M 31", b"a"]), np.array(["007", "=1"])],
    ids=str,
)
def test_other_ids_come_back_as_they_were(ids, suffix, tmp_path):
    fit = make_fit((2,), full=False)
    fit = replace(fit, photometry=replace(fit.photometry, ids=ids))
    fit.to_table(tmp_path / f"a{suffix}")
    back = read_back(tmp_path / f"a{suffix}")["id"].tolist()
    back = [v.decode() if isinstance(v, bytes) else v for v in back]
    assert back == [v.decode() if isinstance(v, bytes) else v for v in ids.tolist()]


def test_an_older_verdict_is_read_under_todays_names():
    """k_hat and ess were those of the network's first draws; the draws have their own."""
    old = {
        "verdict/k_hat": np.array([0.9, 0.5, 1.2]),
        "verdict/ess": np.array([80.0, 700.0, 3.0]),
        "verdict/ess_bulk": np.array([np.nan, np.nan, 900.0]),
        "verdict/ess_tail": np.array([np.nan, np.nan, 600.0]),
        "draws/importance/k_hat": np.array([0.3, 0.5, np.nan]),
        "draws/importance/ess": np.array([500.0, 700.0, np.nan]),
    }
    now = todays_verdict(old)
    np.testing.assert_array_equal(now["verdict/network_k_hat"], old["verdict/k_hat"])
    np.testing.assert_array_equal(now["verdict/network_ess"], old["verdict/ess"])
    np.testing.assert_array_equal(now["verdict/k_hat"], [0.3, 0.5, np.nan])
    np.testing.assert_array_equal(now["verdict/ess"], [500, 700, 600])
    assert todays_verdict(now) == now


@pytest.mark.slow
def test_draws_of_another_model_lose_what_was_found_of_them(posterior, nsa, tmp_path):
    """Read with another grid, a fit was still called exact, with the weights of before."""
    fit = sedflow.fit(nsa.photometry(72), posterior, n=1000, trust="weights")
    for other in (SEDModel("bc03"), SEDModel("fsps", birth_cloud_age_gyr=0.1)):
        again = load_fit(save_fit(fit, tmp_path / "fit.h5"), model=other)
        assert again.quality == "unchecked" and again.verdict is None
        assert again.draws.weights is None
        np.testing.assert_array_equal(again.draws.theta, fit.draws.theta)
    weighted = sedflow.reweight(again, min_ess=0)
    assert weighted.model is other and np.ptp(weighted.draws.weights) > 0
    chains = make_fit()
    chains = replace(chains, draws=replace(chains.draws, log_density=None))  # as of MCMC
    with pytest.raises(BadFitFile, match="do not state their density"):
        load_fit(save_fit(chains, tmp_path / "chains.h5"), model=SEDModel("bc03"))


def test_a_fit_is_saved_over_no_other_file(tmp_path):
    """An SSP grid, or a catalogue, was replaced."""
    fit = make_fit()
    other = tmp_path / "fsps.h5"
    other.write_bytes(b"\x89HDF\r\n\x1a\n and hours of work")
    for ask in (fit.save, lambda path: grid_folder(path.parent, ["fsps"])):
        with pytest.raises(SedflowError, match="is there, and is not a saved fit"):
            ask(other)
    assert other.read_bytes().endswith(b"hours of work")
    other.write_bytes(b"")
    assert fit.save(fit.save(other)) == other


def test_a_full_disk_is_told_in_a_sentence(tmp_path):
    """HDF5 gave a RuntimeError, or a paragraph."""
    path = make_fit(n=2000).save(tmp_path / "a.h5")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(SedflowError, match=r"cannot write .*a\.h5: File too large; make room"):
            make_fit(n=2001).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.ecsv", "a.h5"])
def test_a_summary_for_which_there_is_no_room_is_told_in_a_sentence(tmp_path, name):
    numbers = np.random.default_rng(0).integers(0, 2**60, 20_000)
    path, options = tmp_path / name, {"path": "t"} if name == "a.h5" else {}
    Summary({"id": numbers[:3]}).write(path, **options)
    before = path.read_bytes()
    with pytest.raises(OSError, match="exists"):
        Summary({"id": numbers}).write(path, **options)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(SedflowError, match=rf"cannot write .*{name}: .*; make room"):
            Summary({"id": numbers}).write(path, **options, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.fits", "a.ecsv", "a.parquet", "a.vot"])
def test_a_table_for_which_there_is_no_room_is_told_in_a_sentence(tmp_path, name):
    """astropy's OSError of FITS had come through."""
    path = tmp_path / name
    path.write_bytes(b"the old one")
    table = Table({"id": np.random.default_rng(0).integers(0, 2**60, 20_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(SedflowError, match=rf"cannot write .*{name}: .*; make room"):
            write_table(table, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"the old one"
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("older", [(), ("model/ssp_identity",)])
def test_a_fit_of_before_grids_had_traits_keeps_its_verdict(older, posterior, nsa, tmp_path):
    """A hash of its grid's numbers, made by another rule, had refused it."""
    fit = sedflow.fit(nsa[72], posterior, n=50, seed=1, trust="weights")
    values = store.read(fit.save(tmp_path / "today.h5"))
    assert values.pop("model/ssp_directions").size
    path = store.write(tmp_path / "older.h5", values | dict.fromkeys(older, "5a" * 32))
    assert load_fit(path).quality == fit.quality
    assert_same(load_fit(path).draws, load_fit(tmp_path / "today.h5").draws)


def test_a_fit_of_a_changed_grid_is_not_one_of_the_packaged_grid(nsa, tmp_path):
    grid = load_ssp("bc03")
    doubled = SEDModel(replace(grid, luminosity=2 * grid.luminosity))
    path = Fit(nsa[72], Draws(sedflow.Prior().sample(9, seed=2)), doubled).save(tmp_path / "f.h5")
    with pytest.raises(BadFitFile, match="'bc03' that was made of arrays"):
        load_fit(path)
    assert load_fit(path, doubled).model is doubled
