"""Records of networks that somebody wrote: refused in a sentence, before anything is built."""

import json
import shutil
import time

import pytest

import sedflow
from sedflow.errors import BadWeights
from sedflow.files.hashes import opened, sealed
from sedflow.files.packaged import data_path
from sedflow.network.record import Unsealed

WEIGHTS = data_path("nsa-ugriz-fsps.safetensors")


@pytest.fixture
def load(tmp_path):
    """Load the packaged network with another record."""

    def load(record, seal=True):
        path = shutil.copy(WEIGHTS, tmp_path / "odd.safetensors")
        if isinstance(record, dict) and seal:
            record = sealed({"format": 2, **record})
        text = record if isinstance(record, str) else json.dumps(record)
        (tmp_path / "odd.json").write_text(text)
        return sedflow.load_posterior(path)

    return load


def record(**changes):
    found = opened(json.loads(WEIGHTS.with_suffix(".json").read_text()))
    del found["format"]
    for key, value in changes.items():
        *above, last = key.split("__")
        place = found
        for step in above:
            place = place[step]
        place[last] = value
    return found


def test_the_record_itself_is_taken(load):
    assert load(record()).bands == ("u", "g", "r", "i", "z")


@pytest.mark.parametrize("text", ["[1]", '"x"', "5", "null", "{}", "", "[" * 100_000])
def test_what_is_not_a_record_is_said_to_be_none(load, text):
    with pytest.raises(BadWeights, match="not a weights record"):
        load(text)


def test_a_record_without_a_seal_is_taken_aloud(load):
    with pytest.warns(Unsealed, match="has no checksum"):
        load(record(), seal=False)


N = len(record()["scaling"]["half"])


@pytest.mark.filterwarnings("ignore::sedflow.network.record.Unsealed")
@pytest.mark.parametrize("seal", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"domain__redshift": [0, 1e10]},
        {"domain__redshift": [0]},
        {"domain__redshift": ["a", "b"]},
        {"domain__colors": {"x": [0, 1]}},
        {"domain__colors": {"u-g": 5}},
        {"domain__magnitudes": [1]},
        {"domain__magnitudes": {"u": [2, 1]}},
        {"scaling__half": [float("nan")] * N},
        {"scaling__half": [0] * N},
        {"scaling__half": [1]},
        {"scaling__half": ["a"] * N},
        {"noise": [1]},
        {"noise__log_flux": [float("nan")]},
        {"noise__scatter": [[1.0]] * 5},
        {"bands": []},
        {"bands": [1, 2, 3, 4, 5]},
        {"bands": "ugriz"},
        {"bands": ["u", "u", "r", "i", "z"]},
        {"prior": [1]},
        {"prior": "steep"},
        {"name": [1]},
        {"name": "../x"},
        {"ssp__sha256": 5},
        {"ssp": "fsps"},
        {"training": [1]},
        {"training__ssp": 0},
        {"parameters": [1]},
        {"weights_sha256": [1]},
    ],
    ids=str,
)
def test_a_record_with_odd_values_is_refused(load, change, seal):
    with pytest.raises(BadWeights):
        load(record(**change), seal)


@pytest.mark.parametrize("value", [10**6, 10**12, 0, -1, 3, True, "8", None])
@pytest.mark.parametrize(
    "key", ["features", "context", "layers", "hidden", "embedding", "embedding_hidden", "bins"]
)
def test_a_shape_that_the_weights_do_not_have_is_refused_at_once(load, key, value):
    start = time.monotonic()
    with pytest.raises(BadWeights):
        load(record(**{f"architecture__{key}": value}))
    assert time.monotonic() - start < 5
