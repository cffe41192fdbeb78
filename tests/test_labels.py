"""Labels of rows and columns: what goes by place must not be called as something else."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sedflow
from sedflow.draws import weighted_quantile
from sedflow.errors import BadParameters, SedflowError
from sedflow.labels import labels_along, named_parts
from sedflow.parameters import NAMES, as_theta
from sedflow.photometry import Photometry
from sedflow.population.volume import inverse_vmax

THETA = sedflow.Prior().sample(4, seed=1)
FRAME = pd.DataFrame(THETA, columns=NAMES, index=list("abcd"))
ORDER = list(reversed(NAMES))


def _of_xarray():
    xarray = pytest.importorskip("xarray")
    return xarray.DataArray(
        FRAME[ORDER].to_numpy(), dims=("galaxy", "name"), coords={"name": ORDER}
    )


@pytest.mark.parametrize(
    "values",
    [
        lambda: FRAME[ORDER],
        lambda: pa.Table.from_pandas(FRAME[ORDER], preserve_index=False),
        _of_xarray,
    ],
)
def test_theta_goes_by_its_names_whatever_holds_them(values):
    np.testing.assert_allclose(as_theta(values()), THETA)


def test_a_row_of_a_frame_goes_by_its_names_as_the_frame_does():
    np.testing.assert_allclose(as_theta(FRAME[ORDER].iloc[2]), THETA[2])
    assert named_parts(THETA) is None
    assert labels_along(FRAME, 0) == list("abcd")


def test_columns_of_several_names_are_a_sentence():
    many = FRAME.set_axis(pd.MultiIndex.from_product([["p"], NAMES]), axis=1)
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(many)


@pytest.mark.parametrize(
    "call",
    [
        lambda z: sedflow.SEDModel().magnitudes(FRAME, z),
        lambda z: sedflow.SEDModel().magnitudes(redshift=z, log_mstar=FRAME["log_mstar"]),
        lambda z: sedflow.NoiseModel.fit(
            pd.DataFrame(np.ones((4, 5)), index=list("abcd")),
            pd.DataFrame(np.ones((4, 5)), z.index),
        ),
        lambda z: weighted_quantile(FRAME["tau_ism"], 0.5, z),
        lambda z: inverse_vmax(z, FRAME["log_mstar"] + 5, 17.77, 1000),
        lambda z: Photometry(np.ones((4, 5)).tolist(), FRAME[list(NAMES[:5])], z, "ugriz"),
    ],
)
def test_rows_in_another_order_are_refused(call):
    z = pd.Series([0.02, 0.03, 0.04, 0.05], index=list("abcd"))
    with pytest.raises(SedflowError, match="have different labels"):
        call(z[::-1])


def test_a_mask_whose_index_holds_the_ids_is_not_taken_by_place():
    ids = np.array([2, 0, 3, 1])
    galaxies = Photometry(np.ones((4, 5)), np.full((4, 5), 0.1), [0.01, 0.02, 0.03, 0.04], ids=ids)
    mask = pd.Series([True, False, True, False])
    with pytest.raises(SedflowError, match="its index in pandas"):
        galaxies[mask]
    assert galaxies[mask.to_numpy()].ids.tolist() == [2, 3]
    nsa = sedflow.load_nsa()
    assert len(nsa.select(pd.Series(np.arange(len(nsa)) < 3))) == 3


def test_rows_of_a_list_and_named_tuples_go_by_their_names():
    frame = FRAME[ORDER]
    rows = [row for _, row in frame.iterrows()]
    np.testing.assert_allclose(as_theta(rows), THETA)
    np.testing.assert_allclose(as_theta(list(frame.itertuples(index=False))), THETA)
    np.testing.assert_allclose(as_theta(THETA.tolist()), THETA)
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(frame.set_axis([0, *ORDER[1:]], axis=1))
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(frame.set_axis([name.encode() for name in ORDER], axis=1))
