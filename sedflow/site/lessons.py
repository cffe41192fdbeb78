"""The lessons as the site has them: the app's texts, with the facts that the app showed.

`tables/lessons.json` holds what the app's stages said, drew and judged for one galaxy and one
seed (`tools/build_site_tables.py`): a browser without a server cannot run all of the lessons'
sums. What it can, a model that follows the sliders, is live.
"""

from dataclasses import asdict

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.one_parameter.lesson import STEPS_OF
from sedflow.dashboard.printed import filled
from sedflow.site.tables import packaged_table

#: What the texts say of controls that only the app has -> what the site says instead.
ONLY_IN_APP = {
    "the value on the slider": "this value",
    "Move the slider, and look at the spectra.": "Look at the spectra.",
    "Make some more, and move the tolerance.": "",
    "the slider sets the *tolerance*, the largest": "the *tolerance* is the largest",
    " *Walk on* makes the walk twice as long.": "",
    " MCMC (green) is run when you press the button: it takes ten seconds or more, in a queue.": "",
    " Run MCMC to see what it costs.": "",
    " After each change of shape, *Best mass* saves time.": "",
    "The button *Best mass* does it exactly: for a given shape": "In the app a button does it "
    "exactly: for a given shape",
    "The orange dots are": "The dots are",
    "the blue squares are what": "the squares are what",
    " Choose between the two below.": "",
    ", and all the cases of the earlier steps": "",
    "Choose any parameter below to see its curve again.": "Choose any parameter below to see its "
    "curve.",
    ", and the slider changes the errors of all galaxies. Now": ". Now",
    "On the page *Population* you can ask it other questions, and select other parts.": "In the "
    "app the page *Population* answers other questions, of other parts too.",
}


def lesson_texts() -> list[dict]:
    """Each lesson of the site with its steps, in the order in which they are taught.

    A lesson whose facts have not been built is left out. Of a step:

    text, question, answer : Markdown, with facts instead of braces
    right : the right choice, "" if there is none
    moves : names of the parameters that it moves
    before, after : places in `figures` of the lesson, until the student has answered and then
    table : Markdown, shown after the answer
    places : (label, address) of pages of the site that show the same
    note : what the numbers are of, where the app's would be the student's own
    at : where its knobs stand first, by name
    """
    found = packaged_table("lessons.json")["lessons"]
    return [_lesson(asdict(lesson), found[key]) for key, lesson in LESSONS.items() if key in found]


def _lesson(lesson, found):
    steps = [_step(lesson["key"], one, found["steps"][one["key"]]) for one in lesson["steps"]]
    rest = {name: value for name, value in found.items() if name != "steps"}
    return lesson | rest | {"steps": steps}


def _step(lesson, step, found):
    facts = found["facts"]
    texts = {name: _said(filled(step[name], facts)) for name in ("text", "question", "answer")}
    moves = STEPS_OF.get(step["key"], ()) if lesson == "parameters" else ()
    rest = {name: value for name, value in found.items() if name != "facts"}
    return step | texts | rest | {"moves": list(moves)}


def _said(text):
    for app, site in ONLY_IN_APP.items():
        text = text.replace(app, site)
    return text
