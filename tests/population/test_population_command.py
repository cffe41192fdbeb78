"""The flags of `sedflow population`: surveys, streams, ArviZ and reruns, on a real run."""

import json
import shlex
import shutil

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from click.testing import CliRunner
from unfinished import stopped

import sedflow
from sedflow.cli import main
from sedflow.errors import SedflowError
from sedflow.files.hashes import opened, sealed
from sedflow.files.packaged import DEFAULT_WEIGHTS, data_path
from sedflow.population.members import members_of
from sedflow.population.rerun import rerun_catalogue, rerun_command

ALL = ("ok", "misfit", "failed")
STATUS = ("--status", "ok,misfit,failed", "--cells", "12")


@pytest.fixture(scope="module")
def nsa():
    return sedflow.load_nsa()


@pytest.fixture(scope="module")
def run(tmp_path_factory, nsa):
    """A run of some galaxies of the atlas in two partitions, with draws."""
    folder = tmp_path_factory.mktemp("command")
    rows = np.sort(np.random.default_rng(6).choice(len(nsa.ids), 20, replace=False))
    nsa.table[rows].write(folder / "atlas.fits")
    sedflow.infer_catalogue(
        folder / "atlas.fits", folder / "run", n=100, keep=60, workers=0, part_rows=12
    )
    return folder / "run"


@pytest.fixture(scope="module")
def whole(run):
    return sedflow.Population(run, "log_mstar", status=ALL, cells=12)


@pytest.fixture
def survey(whole, tmp_path):
    """A table with magnitudes, of which every fourth is fainter than 17, and completeness."""
    path = tmp_path / "survey.csv"
    r = np.where(np.arange(len(whole)) % 4 == 3, 17.5, 15.0 + 0.05 * np.arange(len(whole)))
    seen = np.linspace(0.5, 1.0, len(whole))
    Table({"id": whole.ids, "r": r, "seen": seen, "wrong": 2 * seen}).write(path)
    return path


def _asked(run, *options):
    done = CliRunner().invoke(main, ["population", str(run), *STATUS, *map(str, options)])
    return done, (json.loads(done.stdout) if done.exit_code == 0 else None)


@pytest.mark.parametrize("option", ["-o", "--galaxies", "--few"])
def test_no_output_replaces_what_the_population_is_made_from(run, survey, tmp_path, option):
    before = {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()}
    for path in (
        run / "results/part-000000.parquet",
        run / "draws/x.parquet",
        run / "input.parquet",
    ):
        done, _ = _asked(run, option, path)
        assert done.exit_code == 1
        assert "is a file of the run itself" in done.output
    done, _ = _asked(run, option, run.parent / "atlas.fits")
    assert done.exit_code == 1
    assert "has the name of the catalogue" in done.output
    done, _ = _asked(run, "--weights", survey, "--completeness", "seen", option, survey)
    assert done.exit_code == 1
    assert "is the file of --weights, too" in done.output
    done, _ = _asked(run, option, tmp_path / "nowhere" / "x.parquet")
    assert done.exit_code == 1
    assert "there is no folder" in done.output
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cells", "12,12"), "for log_mstar; give one number"),
        (("--status", "OK"), "'OK' is unknown"),
        (("--status", "bad row"), "no galaxy enters the population: left out were 18 ok"),
        (("-o", "x.txt"), "has the extension '.txt'"),
    ],
)
def test_what_no_population_can_be_made_of_is_said(run, options, words):
    done = CliRunner().invoke(main, ["population", str(run), *options])
    assert done.exit_code == 1, done.exception
    assert words in done.output


def test_a_flux_limit_weighs_by_volume_and_leaves_out_what_is_fainter(run, whole, survey):
    limits = ("--flux-limit", 17, "--area", 1000, "--magnitude", "r", "--json")
    done, found = _asked(run, "--weights", survey, *limits)
    assert done.exit_code == 0, done.output
    table = Table.read(survey)
    bright = table["r"] <= 17
    weights = sedflow.population.inverse_vmax(whole.redshift[bright], table["r"][bright], 17, 1000)
    assert found["galaxies"] == bright.sum()
    assert found["left_out"]["not in the sample"] == (~bright).sum()
    assert found["total"][0] == pytest.approx(weights.sum(), rel=1e-6)
    _, both = _asked(run, "--weights", survey, "--completeness", "seen", *limits)
    expected = (weights / table["seen"][bright]).sum()
    assert both["total"][0] == pytest.approx(expected, rel=1e-6)


def test_a_magnitude_that_says_that_there_is_none_is_not_that_of_a_bright_galaxy(
    run, whole, survey, tmp_path
):
    table = Table.read(survey)
    table["r"][np.flatnonzero(table["r"] <= 17)[:2]] = -99.0, -9999.0
    table.write(tmp_path / "codes.csv")
    limits = ("--area", 1000, "--magnitude", "r", "--json")
    done, found = _asked(run, "--weights", tmp_path / "codes.csv", "--flux-limit", 17, *limits)
    assert done.exit_code == 0, done.output
    assert found["galaxies"] == ((table["r"] <= 17) & (table["r"] > 0)).sum()
    table["r"] = np.abs(table["r"]) - 36.0
    table.write(tmp_path / "absolute.csv")
    done, _ = _asked(run, "--weights", tmp_path / "absolute.csv", "--flux-limit", 17, *limits)
    assert done.exit_code == 1 and "absolute ones; a flux limit needs those that" in done.output
    done, _ = _asked(run, "--weights", survey, "--flux-limit", "nan", *limits)
    assert done.exit_code == 1
    assert "--flux-limit nan is not a magnitude" in done.output


@pytest.mark.parametrize("form", ["fits", "ecsv", "parquet"])
def test_columns_of_a_survey_are_read_in_the_units_that_they_state(
    run, whole, survey, tmp_path, form
):
    """Fluxes of 0.9 to 15 uJy were taken for AB magnitudes of 0.9 to 15."""
    limits = ("--flux-limit", 17, "--area", 1000, "--magnitude", "r", "--completeness", "seen")
    path, plain = tmp_path / f"with_units.{form}", Table.read(survey)
    plain["weight"] = 1.0 + np.arange(len(plain)) % 3
    plain.write(tmp_path / "plain.csv")
    _, expected = _asked(run, "--weights", tmp_path / "plain.csv", *limits, "--json")
    unknown = ("mag(AB)", "mag(ST)", "%", "nmgy") if form == "fits" else ()  # to the standard
    assert expected["galaxies"] == (plain["r"] <= 17).sum()

    def asked(name, factor, unit):
        table = plain.copy()
        table[name] = table[name] * factor
        table[name].unit = unit
        table.write(path, overwrite=True)
        return _asked(run, "--weights", path, *limits, "--json")

    for name, factor, unit in (
        ("r", 1, "mag"),
        ("r", 1, "mag(AB)"),
        ("r", 1000, "mmag"),
        ("seen", 100, "%"),
        ("weight", 1, "Mpc-3"),
        ("weight", 1e-9, "kpc-3"),
    ):
        if unit in unknown:
            continue
        done, found = asked(name, factor, unit)
        assert done.exit_code == 0, (unit, done.output)
        assert found["total"] == pytest.approx(expected["total"], rel=1e-6), unit
    for name, unit in (
        ("r", "uJy"),
        ("r", "nmgy"),
        ("r", "mag(ST)"),
        ("r", "km / s"),
        ("r", "count"),
        ("seen", "adu"),
        ("seen", "mag"),
        ("seen", "deg2"),
        ("weight", "Mpc3"),
        ("weight", "mag"),
    ):
        if unit in unknown:
            continue
        done, _ = asked(name, 1, unit)
        assert done.exit_code == 1, unit
        assert "by its own account; give" in done.output or "weight has the unit" in done.output


def test_galaxies_of_a_rerun_may_be_named_by_ids_of_any_kind(run, whole, tmp_path):
    first = whole.ids[:2]
    for ids in (first, first.astype(float), first.astype(str), np.char.encode(first.astype(str))):
        path = tmp_path / f"{ids.dtype.kind}.ecsv"
        assert rerun_catalogue(run, ids, path) == 2
        assert sorted(Table.read(path)["id"].tolist()) == sorted(first.tolist())
    with pytest.raises(SedflowError, match="ids: ids are floating-point numbers"):
        rerun_catalogue(run, first + 0.5, tmp_path / "none.ecsv")


def test_ids_of_a_survey_may_be_floats_and_absent(run, whole, tmp_path):
    path = tmp_path / "survey.fits"
    ids = np.append(whole.ids.astype(float), np.nan)
    Table({"id": ids, "weight": np.full(len(ids), 2.0)}).write(path)
    done, found = _asked(run, "--weights", path, "--json")
    assert done.exit_code == 0, done.output
    assert found["total"][0] == 2.0 * len(whole)
    assert "1 rows have no ID, and do not count" in done.stderr
    Table({"id": whole.ids + 0.5, "weight": np.full(len(whole), 2.0)}).write(path, overwrite=True)
    done, _ = _asked(run, "--weights", path)
    assert done.exit_code == 1
    assert "survey.fits: the IDs in 'id' are floating-point numbers" in done.output


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_a_run_that_is_not_finished_says_how_many_rows_are_to_come(
    run, whole, survey, tmp_path, options
):
    stopped(run, tmp_path / "run", 1)
    done, found = _asked(tmp_path / "run", *options, "--json")
    assert done.exit_code == 0, done.output
    assert found["galaxies"] == 12
    assert found["left_out"]["not inferred yet"] == 8
    assert any("8 of its rows are not inferred yet" in note for note in found["notes"])
    weights = ("--weights", survey, "--completeness", "seen")
    done, _ = _asked(tmp_path / "run", *options, *weights, "--json")
    assert "8 of its 20 IDs, the first is" in done.stderr
    done, found = _asked(run, *options, *weights, "--json")
    assert "not inferred yet" not in found["left_out"]
    assert not any("not inferred" in note for note in found["notes"])
    assert done.stderr == ""


def test_a_rerun_that_is_not_finished_is_said(run, whole, tmp_path):
    stopped(run, tmp_path / "rerun", 0)
    found = sedflow.Population([run, tmp_path / "rerun"], "log_mstar", status=ALL, cells=12)
    assert len(found) == len(whole)  # who waits has the draws of before, and is not left out
    assert "not inferred yet" not in found.left_out
    assert any("12 of its rows are not inferred yet" in note for note in found.notes)


def test_what_a_rerun_brings_in_is_not_left_out(run, whole):
    some, every = (members_of(run, ("log_mstar",), status) for status in ("ok", ALL))
    assert len(some) < len(every) == len(whole)
    assert sum(some.left_out.values()) == 20 - len(some)
    assert some.replaced_by(every).left_out == every.left_out
    assert every.replaced_by(some).left_out == every.left_out
    assert some.replaced_by(some).left_out == some.left_out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["weights"].pop("record_sha256"), "kept no hash of its network"),
        (lambda m: m["settings"].pop("keep"), "kept no draws"),
    ],
)
def test_runs_of_early_versions_have_no_population_and_say_why(run, tmp_path, change, words):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "manifest.json"
    manifest = opened(json.loads(path.read_text())) | {"format": 1}
    change(manifest)
    path.write_text(json.dumps(manifest))
    (tmp_path / "run" / "files.jsonl").unlink()
    for options in ((), ("--stream",), ("--few", tmp_path / "few.ecsv")):
        done, _ = _asked(tmp_path / "run", *options)
        assert done.exit_code == 1
        assert words in " ".join(done.output.split())


def test_completeness_alone_is_a_weight(run, survey):
    _, found = _asked(run, "--weights", survey, "--completeness", "seen", "--json")
    assert found["total"][0] == pytest.approx((1 / Table.read(survey)["seen"]).sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--flux-limit", 17), 2, "belong together"),
        (("--flux-limit", 17, "--area", 10), 2, "need --weights"),
        (("--redshifts", "0.01,0.05"), 2, "ends of a sample"),
        (("--stream", "--rerun", "x"), 2, "reads one run"),
        (("--workers", 2, "--rerun", "x"), 2, "reads one run"),
        (("--weights", "SURVEY"), 1, "has no column weight"),
        (("--weights", "SURVEY", "--completeness", "wrong"), 1, "above 0 and up to 1"),
        (
            ("--weights", "SURVEY", "--flux-limit", 17, "--area", 9, "--redshifts", "one,two"),
            1,
            "two numbers",
        ),
    ],
)
def test_flags_that_do_not_belong_together_are_refused(run, survey, options, code, words):
    options = [survey if x == "SURVEY" else x for x in options]
    done, _ = _asked(run, *options)
    assert done.exit_code == code
    assert words in " ".join(done.output.split())


def test_a_stream_refuses_another_format_of_galaxies_before_the_work(run, tmp_path):
    density = tmp_path / "density.ecsv"
    done, _ = _asked(run, "--stream", "-o", density, "--galaxies", tmp_path / "galaxies.ecsv")
    assert done.exit_code == 1
    assert "writes its galaxies to a .parquet file" in " ".join(done.output.split())
    assert not density.exists()


def test_a_stream_says_what_memory_says(run, survey, tmp_path):
    path = tmp_path / "galaxies.parquet"
    limits = ("--flux-limit", 17, "--area", 1000, "--magnitude", "r", "--json")
    _, memory = _asked(run, "--weights", survey, *limits)
    done, streamed = _asked(run, "--weights", survey, *limits, "--stream", "--galaxies", path)
    assert done.exit_code == 0, done.output
    assert streamed["galaxies"] == memory["galaxies"]
    assert streamed["left_out"] == memory["left_out"]
    assert streamed["total"] == pytest.approx(memory["total"])
    means = [[m["p50"] for m in document["moments"]] for document in (memory, streamed)]
    assert means[1] == pytest.approx(means[0], abs=0.1)
    weights = pq.read_table(path)["weight"].to_numpy()
    assert len(weights) == memory["galaxies"]
    assert weights.sum() == pytest.approx(memory["total"][0])


@pytest.mark.slow
def test_workers_say_what_one_process_says(run):
    pytest.importorskip("distributed")
    _, alone = _asked(run, "--stream", "--json")
    done, found = _asked(run, "--workers", 2, "--json")
    assert done.exit_code == 0, done.output
    for one, other in zip(alone.pop("moments"), found.pop("moments"), strict=True):
        assert one == pytest.approx(other)
    assert found == alone


def test_a_population_goes_to_arviz_and_comes_back(run, whole, tmp_path):
    import arviz

    path = tmp_path / "population.nc"
    done, _ = _asked(run, "-o", path, "--json")
    assert done.exit_code == 0, done.output
    data = arviz.from_netcdf(str(path))
    density = data.posterior.density
    assert density.dims == ("chain", "draw", "log_mstar")
    np.testing.assert_allclose(density["log_mstar"], whole.centres[0])
    np.testing.assert_allclose((density * whole.area).sum("log_mstar"), 1)
    middle = density.quantile(0.5, ("chain", "draw"))
    np.testing.assert_allclose(middle, whole.quantiles([50])[0], rtol=1e-6)
    own = float(data.posterior.mean_log_mstar.median())
    assert own == pytest.approx(float(whole.moments()["p50"][0]))
    np.testing.assert_allclose(data.constant_data.prior_density, whole.prior_density)
    assert data.constant_data.galaxy.values.tolist() == whole.ids.tolist()
    assert data.attrs["galaxies"] == len(whole)


def test_two_quantities_go_to_arviz(run):
    found = sedflow.Population(run, "log_mstar,tau_ism", status=ALL, cells=(6, 5))
    data = found.to_inference_data()
    assert data.posterior.density.dims == ("chain", "draw", "log_mstar", "tau_ism")
    assert data.constant_data.stack_density.shape == (6, 5)
    np.testing.assert_allclose(data.constant_data.edges_tau_ism, found.edges[1])


@pytest.mark.slow
def test_few_galaxies_are_rerun_and_replace_themselves(run, whole, tmp_path):
    """What the command offers works: fewer are few, and all galaxies are still there."""
    few = tmp_path / "few.parquet"
    done, found = _asked(run, "--few", few, "--of", "log_mstar,log_ssfr_1gyr", "--cells", "6,6",
                         "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    names = found["few_effective_draws"]
    assert names
    assert Table.read(few)["id"].tolist() == [i for i in whole.ids.tolist() if i in names]
    again, after = (shlex.split(command) for command in found["rerun"])
    again[again.index("--keep") + 1] = again[again.index("--draws") + 1] = "300"
    done = CliRunner().invoke(main, [*again[1:], "--workers", "0"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, [*after[1:], *STATUS[:2], "--cells", "6,6", "--json"])
    assert done.exit_code == 0, done.output
    better = json.loads(done.stdout)
    assert better["galaxies"] == found["galaxies"]
    assert len(better["few_effective_draws"]) < len(names)


def test_a_rerun_of_a_rerun_has_more_draws_and_drops_none(run, tmp_path):
    last, few = tmp_path / "last", tmp_path / "few.parquet"
    shutil.copytree(run, last)
    options = ("--rerun", run, "--rerun", last, "--of", "log_mstar,log_ssfr_1gyr", "--cells", "6,6")
    done, found = _asked(run, *options, "--few", few, "--json")
    assert done.exit_code == 0, done.output
    _, after = (shlex.split(command) for command in found["rerun"])
    reruns = [after[k + 1] for k, word in enumerate(after) if word == "--rerun"]
    assert reruns == [str(run), str(last), str(tmp_path / "few-rerun")]
    manifest = opened(json.loads((last / "manifest.json").read_text()))
    manifest["settings"] |= {"keep": 300, "n": 1000}
    (last / "manifest.json").write_text(json.dumps(sealed(manifest)))
    again = shlex.split(rerun_command(last, few))
    assert again[again.index("--keep") + 1] == again[again.index("--draws") + 1] == "1500"


def test_a_rerun_has_the_photometry_of_the_run(run, whole, nsa, tmp_path):
    path = tmp_path / "some.parquet"
    ids = whole.ids[[2, 5]]
    assert rerun_catalogue(run, ids, path) == 2
    table = Table.read(path)
    galaxies = nsa.photometry(table["id"])
    np.testing.assert_allclose(table["redshift"], galaxies.redshift)
    for band in ("u", "r"):
        k = galaxies.bands.index(band)
        np.testing.assert_allclose(table[f"flux_{band}"], galaxies.flux[:, k], rtol=1e-5)


def test_a_rerun_is_not_made_of_an_input_that_was_changed(run, whole, tmp_path):
    """Fluxes three times as bright had replaced the right ones."""
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "input.parquet"
    table = pq.read_table(path)
    k = table.column_names.index("flux_u")
    pq.write_table(table.set_column(k, "flux_u", pc.multiply(table["flux_u"], 3.0)), path)
    with pytest.raises(SedflowError, match=r"input.parquet is not what sedflow infer wrote"):
        rerun_catalogue(tmp_path / "run", whole.ids[[2, 5]], tmp_path / "some.parquet")


def test_galaxies_that_are_given_as_outside_do_not_enter(run, whole):
    found = sedflow.Population(run, "log_mstar", status=ALL, without=[str(whole.ids[0])])
    assert found.ids.tolist() == whole.ids[1:].tolist()
    assert found.left_out["not in the sample"] == 1


@pytest.mark.slow
def test_a_run_of_a_network_of_ones_own_has_a_population(run, whole, tmp_path):
    """It was refused: the run says what its network is called, and not where it is."""
    mine = tmp_path / "mine.safetensors"
    shutil.copy(data_path(f"{DEFAULT_WEIGHTS}.safetensors"), mine)
    record = opened(json.loads(data_path(f"{DEFAULT_WEIGHTS}.json").read_text()))
    mine.with_suffix(".json").write_text(json.dumps(sealed(record | {"name": "mine"})))
    out = tmp_path / "run"
    sedflow.infer_catalogue(
        run.parent / "atlas.fits", out, weights=mine, n=100, keep=60, workers=0, part_rows=12
    )
    done, _ = _asked(out)
    assert done.exit_code == 1
    assert "made with the network 'mine', which is none of the packaged ones" in done.output
    for more in ((), ("--stream",)):
        done, found = _asked(out, "--network", mine, "--json", *more)
        assert done.exit_code == 0, done.output
        assert found["galaxies"] == len(whole)


def test_runs_of_other_galaxies_are_one_population(run, whole):
    """The same run twice has each galaxy once."""
    found = sedflow.Population([run, run], "log_mstar", status=ALL, cells=12)
    assert sorted(found.ids.tolist()) == sorted(whole.ids.tolist())
    np.testing.assert_allclose(found.density, whole.density, rtol=1e-6)
    with pytest.raises(SedflowError, match="a mapping"):
        sedflow.population.StreamedPopulation(run, "log_mstar", weights=np.ones(20))
