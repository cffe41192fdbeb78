"""The pages Validate and Learn in a real browser."""

import re

import pytest
from conftest import MODELS, source

from sedflow.dashboard.pages.learn import LearnView
from sedflow.dashboard.pages.validate import ValidateView

pytestmark = pytest.mark.browser


def test_validation_is_looked_up_for_a_galaxy_like_this_one(open_view, nsa):
    def make():
        view = ValidateView()
        view.look_like(nsa.photometry(72))
        return view

    page = open_view(make)
    page.get_by_role("heading", name="Validation of nsa-ugriz-fsps").wait_for(timeout=30_000)
    assert len(source(page, "pp_label", "text")) == 20
    before = source(page, "pp_network", "y")
    page.get_by_label("Galaxies", exact=True).select_option("those like one galaxy")
    page.get_by_text("200 simulated galaxies most like NSAID 72").wait_for(timeout=20_000)
    page.wait_for_function(f"() => {MODELS}.find(m => m.name == 'bins_mark').data.x?.length != 0")
    assert source(page, "pp_network", "y") != before
    page.get_by_label("log M★").uncheck()
    page.wait_for_function(
        f"""() => {{const d = {MODELS}.find(m => m.name == 'pp_label').data
             return (d.get ? d.get('text') : d.text).length == 19}}"""
    )
    page.get_by_label("Network", exact=True).select_option("nsa-uv-bc03")
    page.get_by_role("heading", name="Validation of nsa-uv-bc03").wait_for(timeout=20_000)


@pytest.mark.parametrize("theme", [pytest.param("default", marks=pytest.mark.heavy), "dark"])
def test_a_student_fits_by_hand_with_the_keyboard(open_view, nsa, posterior, theme):
    page = open_view(lambda: LearnView(nsa, lambda name: posterior), theme)
    start = page.get_by_role("button", name="Start: Fit by hand")
    start.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Which knob should you turn first?").wait_for(timeout=60_000)
    page.get_by_role("radio", name="Mass").check()
    page.get_by_role("button", name="Check").press("Enter")
    page.get_by_text("Right: Mass.").wait_for(timeout=10_000)
    page.get_by_role("button", name="Next").press("Enter")
    page.get_by_text("Step 2 of 4").wait_for(timeout=10_000)
    question = page.get_by_text("How low must χ² be").bounding_box()
    assert question["y"] + question["height"] < 800  # below knobs, spectrum and pulls

    def best():
        text = page.get_by_text(re.compile("best so far")).last.inner_text()
        return float(
            re.search(r"best so far ([\d,.]+)", text).group(1).replace(",", "").rstrip(".")
        )

    first = best()
    dust = page.get_by_role("slider", name="τ ISM, dust")
    dust.focus()
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Best mass").press("Enter")
    for _ in range(100):
        if best() < first:
            break
        page.wait_for_timeout(200)
    assert best() < first
    # Words that are added later must be seen on a dark ground too.
    shade = page.evaluate(
        """() => {
            const found = []
            const walk = node => {
                if (node.shadowRoot) walk(node.shadowRoot)
                for (const child of node.children ?? []) {
                    if (child.classList?.contains('bk-slider-title')) {
                        const rgb = getComputedStyle(child).color.match(/[0-9.]+/g).map(Number)
                        found.push((rgb[0] + rgb[1] + rgb[2]) / 3)
                    }
                    walk(child)
                }
            }
            walk(document.body)
            return found
        }"""
    )
    assert len(shade) == 4
    assert all(s > 150 if theme == "dark" else s < 110 for s in shade)
    page.get_by_role("radio", name="3. What the others found").check()
    page.get_by_text("Does a lower χ² than another fit").wait_for(timeout=60_000)
    assert len(source(page, "hand_log_mstar_tau_ism_draws", "x")) == 1000
    page.get_by_role("button", name="Show the answer").click()
    page.get_by_text("A best fit is one of very many").wait_for(timeout=10_000)
