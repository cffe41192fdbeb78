"""Figures for paper: their size, type and content, what a visitor may choose, and their code."""

import html
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from fuzz import answer, inputs
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

import sedflow
from sedflow.dashboard.engine import Engine, Request
from sedflow.dashboard.publication import KINDS, OVERLAYS, FigureChoice, figure_code, figure_file
from sedflow.errors import SedflowError
from sedflow.figures import (
    corner_figure,
    figure_name,
    paper_figure,
    paper_history,
    paper_spectrum,
    save_figure,
)
from sedflow.figures.paper import COLORS, FORMATS, LABELS, WIDTHS
from sedflow.figures.paper_numbers import interval
from sedflow.figures.paper_whole import WHOLE
from sedflow.model.derived import KNOWN
from sedflow.parameters import NAMES


@pytest.fixture(scope="module")
def network(nsa, posterior):
    galaxy = nsa.photometry(111607, posterior.bands)
    return sedflow.fit(galaxy, posterior, n=3000, seed=1)


@pytest.fixture(scope="module")
def fit(network):
    return sedflow.reweight(network)


def _boxes(figure):
    """Text and its box [pixels] of everything that is written on a figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    out = []
    for axes in figure.axes:
        if axes.get_visible():
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
                out += [axis.label, *(tick.label1 for tick in ticks)]
            out += [axes.title, *axes.texts]
    inside = [axes.get_legend() for axes in figure.axes]
    for legend in [*figure.legends, *(one for one in inside if one is not None)]:
        out += [*legend.get_texts(), legend.get_title()]
    texts = [t for t in out if t.get_visible() and t.get_text().strip()]
    shown = []
    for text in texts:
        box = text.get_window_extent(canvas.get_renderer())
        if box.width > 0 and text.get_in_layout():
            shown.append((text.get_text(), box))
    return shown


@pytest.mark.parametrize("name", [r"$\frac{$", r"$$\no$", "5 $ or 6 $", r"\$x^$"])
def test_a_name_is_no_formula(fit, name):
    """What is not one could not be drawn, and nobody was told."""
    one = replace(fit, photometry=replace(fit.photometry, ids=np.asarray(name), id_name=""))
    for figure in (
        corner_figure(one, ["a_v"]),
        paper_history(one),
        one.plot_corner(["a_v", "age_mw"]),
        one.plot_sed().figure,
        one.plot_history("sfr").figure,
    ):
        out = io.BytesIO()
        figure.savefig(out, format="svg")
        assert name in html.unescape(re.sub(r"<[^!].*?>", "", out.getvalue().decode()))


def _check_text(figure):
    """No text leaves the figure or covers another."""
    boxes = _boxes(figure)
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in boxes:
        assert box.x0 > -1, text
        assert box.y0 > -1, text
        assert box.x1 < width + 1, text
        assert box.y1 < height + 1, text
    for k, (text, box) in enumerate(boxes):
        for other, second in boxes[k + 1 :]:
            across = min(box.x1, second.x1) - max(box.x0, second.x0)
            along = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert across < 1 or along < 1, (text, other)
    return boxes


@pytest.mark.parametrize(
    ("names", "width", "size"),
    [
        (("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism"), "column", 8),
        (("log_sfr_10myr", "log_sfr_1gyr", "log_ssfr_1gyr", "a_v", "t_burst"), "column", 10),
        (("age_mw",), "column", 8),
        (NAMES, "page", 8),
    ],
)
def test_a_corner_is_as_wide_as_the_paper_and_no_text_covers_another(fit, names, width, size):
    figure = corner_figure(fit, names, width=width, font_size=size, name="NGC 3522")
    assert figure.get_size_inches()[0] == pytest.approx(WIDTHS[width])
    _check_text(figure)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [6, 10])
def test_lines_of_a_name_do_not_touch(fit, width, size):
    names = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism")
    figure = corner_figure(fit, names, width=width, font_size=size)
    _check_text(figure)
    figure.set_dpi(600)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ink = np.asarray(canvas.buffer_rgba())[..., :3].min(axis=2) < 128
    labels = [ax.xaxis.label for ax in figure.axes if ax.get_visible()]
    in_lines = [one for one in labels if "\n" in one.get_text()]
    assert in_lines or width == "page"  # in a column a name and its unit are longer than a panel
    for label in in_lines:
        box = label.get_window_extent(canvas.get_renderer())
        top, bottom = (round(len(ink) - y) for y in (box.y1, box.y0))
        rows = ink[top:bottom, round(box.x0) : round(box.x1)].any(axis=1)
        lines = np.flatnonzero(np.diff(rows.astype(int)) == 1)
        assert len(lines) + rows[0] >= 2, label.get_text()  # a white row goes between them


@pytest.mark.parametrize("log", [False, True])
def test_the_axis_of_fluxes_ends_where_what_is_drawn_ends(fit, log):
    top = paper_spectrum(fit, log=log).axes[0]
    low, high = np.log10(top.get_ylim()) if log else top.get_ylim()
    median = max(line.get_ydata().max() for line in top.lines if len(line.get_xdata()) > 100)
    reached = np.log10(median) if log else median
    assert (high - reached) / (high - low) < 0.25


def test_spectrum_and_histories_are_as_wide_and_no_text_covers_another(fit):
    truth = fit.best
    for width in WIDTHS:
        for log in (False, True):
            figure = paper_spectrum(fit, width=width, log=log, mcmc=fit, truth=truth)
            assert figure.get_size_inches()[0] == pytest.approx(WIDTHS[width])
            _check_text(figure)
        figure = paper_history(fit, width=width, prior=True, truth=truth, font_size=9)
        assert figure.get_size_inches()[0] == pytest.approx(WIDTHS[width])
        _check_text(figure)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [6, 10])
def test_type_of_every_size_that_is_offered_keeps_its_room(fit, width, size):
    over = {"mcmc": fit, "truth": fit.best, "selection": {"age_mw": (5, 9)}}
    style = {"width": width, "font_size": size}
    for more in ({}, over):
        spectrum = paper_spectrum(fit, log=bool(more), **more, **style)
        for figure in (spectrum, paper_history(fit, prior=bool(more), **more, **style)):
            _check_text(figure)
            for axes in figure.axes:
                panel, name = axes.get_window_extent(), axes.yaxis.label
                box = name.get_window_extent()
                assert box.height < panel.height + 1, name.get_text()
                assert name.get_fontsize() > 0.7 * size, name.get_text()
        numbers = [t.get_text() for t in spectrum.axes[1].get_yticklabels()]
        assert numbers == ["−2", "0", "2"]
    figure = paper_history(fit, **style)
    (legend,) = figure.legends
    assert legend.get_window_extent().x1 < figure.bbox.x1


@pytest.mark.parametrize("size", [6, 10])
@pytest.mark.parametrize("names", [WHOLE, (*WHOLE, "age_mw", "log_sfr_100myr")])
def test_one_figure_with_all_is_clean_with_small_and_large_type(fit, names, size):
    figure = fit.plot_paper(names=names, font_size=size)
    _check_text(figure)
    _check_text(fit.plot_paper(names=names, font_size=size, log=True))
    spectrum = figure.axes[len(names) ** 2]
    key = spectrum.get_legend().get_window_extent()
    bright = replace(
        fit.photometry, flux=500 * fit.photometry.flux, sigma=500 * fit.photometry.sigma
    )
    _check_text(sedflow.fit(bright, trust=None, n=500).plot_paper(names=names, font_size=size))
    for line in spectrum.lines:
        drawn = spectrum.transData.transform(np.column_stack(line.get_data()))
        assert not any(key.contains(x, y) for x, y in drawn)


@pytest.mark.parametrize("names", [WHOLE, (*WHOLE, "age_mw", "log_sfr_100myr")])
@pytest.mark.parametrize("history", ["sfr", "formed"])
def test_one_figure_has_all_and_no_text_covers_another(fit, names, history, tmp_path):
    figure = fit.plot_paper(tmp_path / "mine.pdf", names, history=history, name="NGC 3522")
    assert figure.get_size_inches() == pytest.approx([WIDTHS["page"]] * 2)
    assert (tmp_path / "mine.pdf").read_bytes().startswith(b"%PDF")
    shown = [text for text, _ in _check_text(figure)]
    assert {"NGC 3522", "prior", "look-back time [Gyr]"} <= set(shown)
    n = len(names) ** 2
    corner, others = figure.axes[:n], figure.axes[n:]
    boxes = [ax.get_position() for ax in corner if ax.get_visible()]
    for one in (ax.get_position() for ax in others):
        assert not any(one.overlaps(box) for box in boxes)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_legend_of_large_type_lies_beside_the_panels(fit, n):
    names = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism", "a_v")
    figure = corner_figure(fit, names[:n], font_size=10, prior=True)
    renderer = FigureCanvasAgg(figure).get_renderer()
    (legend,) = figure.legends
    box = legend.get_window_extent(renderer)
    panels = np.diag(np.array(figure.axes).reshape(n, n))
    assert not any(box.overlaps(ax.get_window_extent(renderer)) for ax in panels)
    assert not any(box.overlaps(ax.title.get_window_extent(renderer)) for ax in panels[1:])


def test_a_contour_ends_at_a_hard_edge(fit):
    dusty = fit.prior.sample(3000, seed=1)  # as flat in tau_ism as the prior, so that it has edges
    one = replace(fit, draws=sedflow.Draws(dusty), verdict=None)
    figure = corner_figure(one, ("log_ssfr_1gyr", "tau_ism"))
    assert figure.axes[0].get_xlim()[1] == -9.0
    assert figure.axes[2].get_ylim() == (0.0, 3.0)


def test_one_figure_needs_four_to_eight_quantities(fit):
    with pytest.raises(sedflow.SedflowError, match="3 quantities; give 4 to 8"):
        fit.plot_paper(names=WHOLE[:3])
    with pytest.raises(sedflow.SedflowError, match="history"):
        fit.plot_paper(history="sf")


def test_everything_that_lies_over_a_corner_is_drawn_and_named(fit, network):
    figure = corner_figure(
        fit,
        ("log_mstar", "age_mw"),
        network=network,
        mcmc=network,
        prior=True,
        truth=fit.best,
        selection={"age_mw": (5, 9)},
        name="NGC 3522",
    )
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words[:3] == ["posterior (39 and 86 %)", "network", "MCMC"]
    assert re.fullmatch(r"selection \(\d+ %\)", words[3])
    assert words[4:] == ["prior", "truth"]
    inside = (fit.derived["age_mw"] >= 5) & (fit.derived["age_mw"] <= 9)
    share = fit.draws.weights[inside].sum()
    assert words[3] == f"selection ({100 * share:.0f} %)"
    age = figure.axes[3]
    edges = {tuple(np.round(p.get_edgecolor(), 2)) for p in age.patches}
    assert len(edges) >= 4
    chosen = [p for p in age.patches if _same(p.get_edgecolor(), COLORS["selection"])]
    x = np.concatenate([p.get_xy()[p.get_xy()[:, 1] > 0, 0] for p in chosen])
    assert x.min() >= 4.5
    assert x.max() <= 9.5


def test_a_posterior_that_is_not_exact_is_called_so(fit, posterior):
    names = WHOLE
    checked = sedflow.fit(fit.photometry, posterior, n=3000, seed=1, trust="weights")
    raw = sedflow.fit(fit.photometry, posterior, n=3000, seed=1, trust=None)
    rough = replace(checked, verdict=replace(checked.verdict, kind="approximate"))
    for one, word in (
        (fit, "posterior"),
        (checked, "posterior"),
        (rough, "posterior, approximate"),
        (raw, "posterior, approximate"),  # what the app shows where weights do not pass
    ):
        figures = (corner_figure(one, names), paper_spectrum(one))
        for figure, held in zip(figures, ("39 and 86 %", "68, 95 %"), strict=True):
            words = [text.get_text() for text in figure.legends[0].get_texts()]
            assert any(" ".join(w.split()) == f"{word} ({held})" for w in words), words
        (legend,) = paper_figure(one, names).legends
        words = " ".join(text.get_text() for text in legend.get_texts())
        assert ("posterior, approximate" in words) == word.endswith("approximate")


def _same(color, other):
    from matplotlib.colors import to_rgb

    return np.allclose(color[:3], to_rgb(other))


def test_a_quantity_that_the_grid_lacks_is_told_and_the_mass_formed_is_drawn(fit):
    with pytest.raises(SedflowError, match="ew_halpha needs an SSP grid with gas"):
        corner_figure(fit, ("ew_halpha", "a_v"))
    figure = corner_figure(fit, "log_mass_formed")
    assert figure.axes[0].get_title() == interval(*fit.quantile("log_mass_formed"))


def test_every_quantity_has_a_label_with_its_unit():
    assert set(LABELS) == {q.name for q in KNOWN}
    for q in KNOWN:
        if q.unit in ("Gyr", "mag"):
            assert f"[{q.unit}]" in LABELS[q.name]
        assert ("log" in LABELS[q.name]) == q.name.startswith("log")


def test_values_have_two_digits_of_their_error():
    assert interval(9.86, 10.01, 10.16) == "$10.01_{-0.15}^{+0.15}$"
    assert interval(3.4, 5.8, 8.5) == "$5.8_{-2.4}^{+2.7}$"
    assert interval(1, 1, 1) == "$1.00_{-0.00}^{+0.00}$"


def test_a_pdf_embeds_its_fonts_as_outlines(fit, tmp_path):
    figure = corner_figure(fit, ("log_mstar", "a_v"))
    save_figure(figure, tmp_path / "x.pdf")
    content = (tmp_path / "x.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/Subtype /Type0" in content or b"/CIDFontType2" in content
    assert b"/Subtype /Type3" not in content
    save_figure(figure, tmp_path / "y.pdf")
    assert (tmp_path / "y.pdf").read_bytes() == content
    save_figure(figure, tmp_path / "x.svg")
    drawn = (tmp_path / "x.svg").read_text()
    assert "<svg" in drawn
    assert not re.search(r'href="(?!#)', drawn)  # nothing is loaded
    save_figure(figure, tmp_path / "x.png")
    from matplotlib.image import imread

    assert imread(tmp_path / "x.png").shape[1] == round(WIDTHS["column"] * 300)
    for name in ("x.jpeg", "nowhere/x.pdf"):
        with pytest.raises(SedflowError, match=r"choose one of pdf|folder that exists"):
            save_figure(figure, tmp_path / name)


@pytest.mark.parametrize(
    ("galaxy", "name"),
    [
        ("NGC 3522", "NGC3522-corner.pdf"),
        ("72", "NSAID72-corner.pdf"),
        (72, "NSAID72-corner.pdf"),
        ("../../etc/passwd", "etcpasswd-corner.pdf"),
        ("\x00<b>", "b-corner.pdf"),
        ("銀河", "galaxy-corner.pdf"),
        ("x" * 500, f"{'x' * 40}-corner.pdf"),
    ],
)
def test_a_file_carries_the_name_of_its_galaxy(galaxy, name):
    assert figure_name(galaxy, "corner") == name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"quantities": ("mass",)}, "quantity 'mass' is unknown; choose from log_mstar"),
        ({"quantities": ()}, "choose at least one"),
        ({"quantities": NAMES}, "12 quantities leave no room for their numbers at this width"),
        ({"width": "poster"}, "choose one of column, page"),
        ({"font_size": 40}, "give 5 to 10 points"),
        ({"font_size": float("nan")}, "give 5 to 10 points"),
        ({"selection": {"age_mw": (90, 99)}}, "the selection holds 0 draws"),
        ({"selection": {"age_mw": (9, 1)}}, r"the range of age_mw is \(9, 1\); give \(low, high\)"),
        ({"selection": {"age": (1, 9)}}, "quantity 'age' is unknown"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(fit, options, sentence):
    with pytest.raises(SedflowError, match=sentence):
        corner_figure(fit, **options)


def test_a_batch_and_another_galaxy_are_refused(fit, nsa, posterior):
    batch = sedflow.fit(nsa.photometry(nsa.ids[:2], posterior.bands), posterior, n=100, seed=1)
    with pytest.raises(SedflowError, match="has 2 galaxies; give one of them"):
        corner_figure(batch)
    with pytest.raises(SedflowError, match="give fits of one galaxy"):
        paper_spectrum(fit, mcmc=batch[0])
    with pytest.raises(SedflowError, match="history 'age' is unknown; choose formed, sfr, zh"):
        paper_history(fit, ("age",))


# What a visitor may choose


@pytest.fixture(scope="module")
def shown(nsa, posterior):
    engine = Engine(nsa, posterior)
    return engine.answer(Request("111607", n=2000))


def test_the_file_of_a_choice_is_named_after_its_galaxy(shown):
    for kind in KINDS:
        for form in FORMATS:
            choice = FigureChoice(kind, ("age_mw",) if kind == "corner" else (), form=form)
            name, content = figure_file(choice, shown, "NGC 3522")
            assert name == f"NGC3522-{kind}.{form}"
            assert content.startswith({"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[form])
    assert figure_file(FigureChoice("spectrum"), shown)[0] == "NSAID111607-spectrum.pdf"


def test_what_is_not_there_is_said(shown):
    with pytest.raises(SedflowError, match="no draws of MCMC; run it first"):
        figure_file(FigureChoice(overlays=("mcmc",)), shown)
    with pytest.raises(SedflowError, match="no truth of this galaxy"):
        figure_file(FigureChoice(overlays=("truth",)), shown)


_CHOICES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*KINDS, "", "x" * 99]) | st.text(max_size=9),
        "shown": st.lists(st.sampled_from([*LABELS, "sfr", "nothing"]), max_size=15).map(tuple),
        "overlays": st.lists(st.sampled_from([*OVERLAYS["corner"], "others"]), max_size=12).map(
            tuple
        ),
        "selection": st.lists(
            st.tuples(st.sampled_from(NAMES), st.floats(), st.floats()), max_size=6
        ).map(tuple),
        "width": st.sampled_from(["column", "page", "wall"]),
        "font_size": st.floats() | st.integers(),
        "form": st.sampled_from([*FORMATS, "exe"]),
    }
)


@inputs(300)
@given(_CHOICES)
def test_any_choice_is_one_that_can_be_drawn_or_refused(values):
    answer(FigureChoice, **values)


def test_the_code_draws_the_same_figures(shown, tmp_path):
    from matplotlib.image import imread

    files, scripts = {}, []
    for kind in KINDS:
        choice = FigureChoice(
            kind,
            ("log_mstar", "age_mw") if kind == "corner" else (),
            tuple(o for o in OVERLAYS[kind] if o not in ("mcmc", "truth")),
            (("age_mw", 4.0, 9.0),),
            "page",
            9.0,
            form="png",
        )
        name, files[kind] = figure_file(choice, shown, "NGC 3522")
        assert name == f"NGC3522-{kind}.png"
        scripts.append(figure_code(choice, shown, name="NGC 3522"))
        assert len(scripts[-1].splitlines()) < 25
    subprocess.run([sys.executable, "-c", "\n".join(scripts)], check=True, cwd=tmp_path)
    for kind, content in files.items():
        drawn, own = imread(tmp_path / f"NGC3522-{kind}.png"), imread(io.BytesIO(content))
        assert drawn.shape == own.shape
        assert np.mean(np.abs(drawn - own)) < 0.002
        assert own[..., :3].std() > 0.02


def test_the_code_of_mcmc_and_truth_is_whole(shown):
    truth = np.array(shown.fit.best)
    code = figure_code(
        FigureChoice(overlays=("mcmc", "truth")), replace(shown, truth=truth), method="emcee"
    )
    compile(code, "figure", "exec")
    assert "sedflow.MCMCSampler('emcee', model=exact.model, prior=exact.prior)" in code
    assert repr([float(v) for v in truth]) in code
