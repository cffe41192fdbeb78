import json
import shutil

import numpy as np
import pytest

import sedflow
from sedflow.errors import BadWeights
from sedflow.files.packaged import data_path
from sedflow.network.left_out import left_out_pulls
from sedflow.network.weights import load_posterior, packaged_weights
from sedflow.photometry import Photometry
from sedflow.sampling.importance import weigh
from sedflow.sampling.misfit import PValueTable, is_misfit, load_p_values, p_text
from sedflow.validation.calibration import ks_band, ks_statistic
from sedflow.validation.p_values import (
    measure_p_values,
    raw_p_values,
    save_p_values,
    simulated_cells,
)

GOOD = Photometry(np.full(5, 10.0), np.full(5, 1.0), 0.05, tuple("ugriz"))


@pytest.fixture(scope="module")
def posterior():
    return sedflow.load_posterior()


def table(quantiles=(0.2, 0.6)):
    return PValueTable(np.array([0.0]), np.array([0.1, 0.5]), {5: np.array([quantiles])}, {})


def test_the_calibrated_p_value_is_the_share_of_true_galaxies_below():
    assert table().calibrated(0.2, GOOD) == pytest.approx(0.1)
    assert table().calibrated(0.6, GOOD) == pytest.approx(0.5)
    assert table().calibrated(0.8, GOOD) == pytest.approx(0.75)
    assert table().calibrated(2e-14, GOOD) == pytest.approx(1e-14)


def test_a_number_of_bands_without_a_table_is_not_calibrated():
    some = Photometry([10.0, np.nan, 1, 1, 1], [1.0, np.nan, 1, 1, 1], 0.05, tuple("ugriz"))
    assert np.isnan(table().calibrated(0.5, some))


def test_no_p_value_is_said_to_be_nothing():
    assert (p_text(0.0), p_text(1e-320), p_text(3e-137, 1)) == ("< 1e-300", "< 1e-300", "= 3e-137")


def test_without_a_table_the_raw_p_value_decides():
    assert is_misfit(1e-4, np.nan)
    assert not is_misfit(0.01, np.nan)
    assert is_misfit(0.01, 1e-4)


@pytest.mark.heavy
def test_calibrated_p_values_of_true_galaxies_are_uniform(posterior):
    calibrated = []
    for n_band in (3, 5):
        for galaxies in simulated_cells(posterior, n_band, 60, seed=77)[1:]:
            raw = raw_p_values(posterior, galaxies, 300, seed=5)
            calibrated += list(posterior.p_values.calibrated(raw, galaxies))
    # Two tables of 300 and of 480 galaxies: both have a chance error.
    limit = ks_band(200)
    assert ks_statistic(np.array(calibrated)[:, None])[0] < limit
    assert np.mean(np.array(calibrated) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_every_packaged_network_has_a_table_of_all_its_numbers_of_bands():
    for name in packaged_weights():
        if not data_path(f"{name}.p_values.json").is_file():
            continue  # made after a training; the release checks that it is there
        found = sedflow.load_posterior(name)
        assert sorted(found.p_values.quantiles) == list(range(1, len(found.bands) + 1))
    assert data_path("nsa-ugriz-fsps.p_values.json").is_file()


def test_a_table_survives_a_file_and_damage_is_seen(tmp_path):
    about = {
        "format": 1,
        "weights": "mine",
        "weights_sha256": "abc",
        "mocks": 50,
        "draws": 100,
        "seed": 1,
    }
    path = save_p_values(
        PValueTable(np.array([0.0]), np.array([0.5]), {5: np.array([[0.4]])}, about),
        tmp_path / "mine.p_values.json",
    )
    again = load_p_values(path, "abc")
    assert again.calibrated(0.4, GOOD) == pytest.approx(0.5)
    assert load_p_values(path, "of another training") is None
    assert load_p_values(tmp_path / "none.json", "abc") is None
    document = json.loads(path.read_text())
    document["quantiles"]["5"] = [[0.1]]
    path.write_text(json.dumps(document))
    with pytest.raises(BadWeights, match="checksum"):
        load_p_values(path, "abc")


@pytest.mark.slow
def test_a_small_table_can_be_made(posterior, monkeypatch):
    monkeypatch.setattr("sedflow.validation.p_values.SNR", (0.0, 5.0))
    monkeypatch.setattr("sedflow.validation.p_values._MANY", 500)
    small = measure_p_values(
        posterior.__class__(posterior._flow, {**posterior.record}, posterior.model),
        mocks=50,
        draws=100,
    )
    assert sorted(small.quantiles) == [1, 2, 3, 4, 5]
    rows = np.concatenate(list(small.quantiles.values()))
    assert np.all(np.diff(rows, axis=1) >= 0)
    assert (rows >= 0).all() and (rows <= 1).all()


def wrong(galaxy, band, times):
    flux = galaxy.flux.copy()
    flux[galaxy.bands.index(band)] *= times
    return Photometry(flux, galaxy.sigma, galaxy.redshift, galaxy.bands)


def test_a_band_that_is_off_has_the_largest_pull(posterior):
    galaxy = sedflow.load_nsa().photometry(72, posterior.bands)
    for band, times in (("u", 2.0), ("g", 1.2), ("r", 1.2), ("i", 1.2), ("z", 1.4)):
        off = wrong(galaxy, band, times)
        check = posterior.check(off)
        k = int(np.nanargmax(np.abs(check.left_out)))
        assert off.bands[k] == band
        assert np.sign(check.left_out[k]) == np.sign(times - 1)


def test_a_galaxy_off_the_model_is_a_misfit_in_fit_check_and_run(posterior):
    galaxy = sedflow.load_nsa().photometry(72, posterior.bands)
    off = wrong(galaxy, "i", 1.15)
    fit = sedflow.fit(off, posterior, n=1000, seed=1, trust="weights")
    assert fit.verdict.status == "misfit"
    assert "no model describes these data well" in str(fit.verdict)
    check = posterior.check(off)
    assert check.p_calibrated < 1e-3
    assert "a misfit" in str(check) and "i +" in str(check)
    columns = {"id": [1], "redshift": [float(off.redshift)]}
    for k, band in enumerate(off.bands):
        columns[f"flux_{band}"], columns[f"flux_err_{band}"] = [off.flux[k]], [off.sigma[k]]
    from astropy.table import Table

    row = sedflow.infer_table(Table(columns), unit="nanomaggies").iloc[0]
    assert row.status == "misfit" and row.verdict.startswith("exact")
    assert row.p_calibrated < 1e-3 and row.pull_i > 3


def test_pulls_by_weights_and_by_the_network_agree(posterior, monkeypatch):
    galaxy = sedflow.load_nsa().photometry(72, posterior.bands)
    draws = posterior.sample(galaxy, n=2000, seed=1)
    draws = weigh(draws, galaxy, posterior.model, posterior.prior)
    by_weights = left_out_pulls(posterior, galaxy, draws)
    monkeypatch.setattr("sedflow.network.left_out._ENOUGH", np.inf)
    monkeypatch.setattr("sedflow.network.left_out._N_DRAW", 2000)
    asked = left_out_pulls(posterior, galaxy, draws)
    np.testing.assert_allclose(by_weights, asked, atol=0.25)


def test_a_table_of_another_network_is_not_used_and_told(tmp_path):
    for end in ("safetensors", "json"):
        shutil.copy(data_path(f"nsa-ugriz-fsps.{end}"), tmp_path / f"mine.{end}")
    table = tmp_path / "mine.p_values.json"
    shutil.copy(data_path("nsa-ugriz-bc03.p_values.json"), table)
    with pytest.warns(UserWarning, match=r"mine.p_values.json was measured for other weights"):
        assert load_posterior(tmp_path / "mine.safetensors").p_values is None
    shutil.copy(data_path("nsa-ugriz-fsps.p_values.json"), table)
    assert load_posterior(tmp_path / "mine.safetensors").p_values is not None


def test_a_band_alone_has_no_pull(posterior):
    galaxy = Photometry(
        [np.nan, 75.7, np.nan, np.nan, np.nan], [np.nan, 2, *[np.nan] * 3], 0.05, posterior.bands
    )
    draws = posterior.sample(galaxy, n=200, seed=1)
    assert np.isnan(left_out_pulls(posterior, galaxy, draws)).all()
