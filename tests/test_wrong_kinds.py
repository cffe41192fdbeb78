"""Arguments of another kind than a function takes: a sentence each, from every public function."""

import numpy as np
import pytest

import sedflow
from sedflow.errors import SedflowError

NUMBER = (5, -1, 2.5, True)
NOTHING = (None,)
WORDS = ("", "nonsense", b"x")
LISTS = ([1], [], {}, {"a": 1}, np.zeros((2, 3)), np.array(["a"]))
OBJECT = (object(),)

#: The function, the argument that is wrong, what else it gets, and the kinds that it refuses.
CASES = {
    "load_band": ("name", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "add_band": ("band", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "band_flux": ("bands", {"flux": [1.0]}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "band_weights": ("bands", {"edges": [1e3, 1e4]}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "literature": ("nsaid", {}, (NOTHING, WORDS, LISTS, OBJECT)),
    "load_nsa": ("path", {}, (NUMBER, WORDS, LISTS, OBJECT)),
    "read_table": ("source", {}, (NUMBER, NOTHING, WORDS[:2], LISTS, OBJECT)),
    "open_catalogue": ("source", {}, (NUMBER, NOTHING, WORDS[:2], LISTS, OBJECT)),
    "guess_mapping": ("preset", {"table": {}}, (NUMBER, WORDS[1:], LISTS, OBJECT)),
    "infer_catalogue": ("path", {"out": "out"}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "RunTable": ("out", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "Mapping": ("bands", {"redshift": "z"}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "meta": ("id_kind", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "row_seed": ("seed", {"ident": 1}, ((2.5, True), NOTHING, WORDS, LISTS, OBJECT)),
    "fit": ("galaxy", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "compare": ("galaxy", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "load_fit": ("path", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "save_fit": ("fit", {"path": "a.h5"}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "reweight": ("fit", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "derive": (
        "model",
        {"theta": np.zeros((1, 12)), "redshift": 0.1},
        (NUMBER, NOTHING, WORDS, LISTS, OBJECT),
    ),
    "SEDModel": ("birth_cloud_age_gyr", {}, ((-1,), NOTHING, WORDS, LISTS, OBJECT)),
    "simulate": ("model", {"n": 1}, (NUMBER, WORDS, LISTS, OBJECT)),
    "TrainingConfig": ("alike", {}, ((-1,), NOTHING, WORDS, LISTS, OBJECT)),
    "load_posterior": ("model", {}, (NUMBER, WORDS, LISTS, OBJECT)),
    "Population": ("source", {"of": "log_mstar"}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "MCMCSampler": ("method", {}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
    "weighted_quantile": ("q", {"values": [1.0, 2.0]}, ((5, -1), NOTHING, WORDS, OBJECT)),
    "ks_band": ("n", {}, ((-1, 2.5, True), NOTHING, WORDS, LISTS, OBJECT)),
    "ks_distances": ("levels", {}, (NUMBER, NOTHING, WORDS, OBJECT)),
    "percentile_scores": ("draws", {"truth": np.zeros((1, 2))}, (NUMBER, NOTHING, WORDS, LISTS)),
    "distance": ("a", {"b": None}, (NUMBER, NOTHING, WORDS, LISTS, OBJECT)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_of_another_kind_is_refused_in_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong, rest, kinds = CASES[name]
    for value in (value for kind in kinds for value in kind):
        with pytest.raises(SedflowError) as found:
            getattr(sedflow, name)(**rest, **{wrong: value})
        words = str(found.value)
        assert 10 < len(words) < 700, value
        assert "\n" not in words, value


def test_grids_of_another_kind_are_refused(galaxy):
    for wrong in (5, None, [1], object(), np.zeros((2, 3))):
        with pytest.raises(SedflowError, match=r"the SSP grid .* is unknown"):
            sedflow.compare(galaxy, wrong)


def test_options_that_are_arrays_are_refused(galaxy):
    for name in ("trust", "prior", "model", "sampler", "n", "seed"):
        with pytest.raises(SedflowError) as found:
            sedflow.fit(galaxy, **{name: np.zeros((2, 3))})
        assert "\n" not in str(found.value)


def test_per_cents_are_no_shares_of_weighted_values():
    """They were taken for shares beyond the last, and gave the largest value."""
    weights = np.full(9, 1 / 9)
    with pytest.raises(SedflowError, match=r"q from 0 to 1, 0\.16 for 16 %"):
        sedflow.weighted_quantile(np.arange(9.0), [16, 50, 84], weights)
    assert sedflow.weighted_quantile(np.arange(9.0), 0.5, weights) == pytest.approx(4)


def test_methods_refuse_what_is_of_another_kind_too(galaxy, nsa, posterior):
    mapping = sedflow.Mapping("z", {"u": sedflow.BandColumns("f", "e", "uJy")})
    many = sedflow.fit(nsa.photometry(nsa.ids[:2]), n=20, trust=None)
    for ask in (
        lambda: nsa.find([1]),
        lambda: nsa.find(None),
        lambda: nsa.photometry(72, 5),
        lambda: nsa.photometry(72, [1]),
        lambda: nsa.observed(5),
        lambda: nsa.observed("nonsense"),
        lambda: mapping.with_floor(0.05),
        lambda: mapping.with_entries([1]),
        lambda: mapping.select(5),
        lambda: sedflow.Mapping.from_toml(5),
        lambda: posterior.log_prob(np.zeros((1, 12)), 5),
        lambda: posterior.save(5),
        lambda: sedflow.load_report().save(5),
        lambda: many.of_prior,
    ):
        with pytest.raises(SedflowError):
            ask()
    assert nsa.find(72) == nsa.find("72") == 72
    assert nsa.photometry(72, "ugriz").bands == tuple("ugriz")
