"""From the posteriors of many galaxies to what they have in common."""

from sedflow.dashboard.learn.steps import Lesson, Step
from sedflow.dashboard.panels.population_state import PARTS

#: Answers of the three steps.
NARROWER, WIDER = "narrower", "wider"
NEARER, FARTHER = "nearer", "farther"
ALIKE = "both alike"

LESSON = Lesson(
    "populations",
    "From posteriors to a population",
    "Why a histogram of medians is not a mass function, which question to ask instead, and what no "
    "inference can put back.",
    15,
    (
        Step(
            "medians",
            "A histogram of medians",
            "Here are **{n:,} galaxies**. They are simulated, so the truth is known (dotted): "
            "their masses follow a *Schechter function*, which ends steeply at large masses, and "
            "the faintest galaxies were not seen. Every mass was measured with an error. The grey "
            "curve, drawn until you answer, is the *posterior* of one galaxy, what its data say "
            "about its mass: it is {sigma:.1f} dex wide (a dex is a factor of ten), and the slider "
            "changes the errors of all galaxies. Now take the median of each posterior, and count "
            "how many lie where.",
            "How will this histogram compare with the true distribution?",
            "The standard deviation of the true masses is {width_true:.2f} dex, that of the "
            "medians {width_medians:.2f} dex. An error moves a galaxy up as often as down, but "
            "where the truth is steep there are many more galaxies to come from one side: above a "
            "log mass of {high} are {high_true} galaxies, and {high_medians} medians. This is "
            "called *Eddington bias*. More galaxies do not help, because the histogram then "
            "becomes a better measurement of the wrong curve.",
            (NARROWER, "as wide", WIDER),
        ),
        Step(
            "stack",
            "All posteriors together",
            "A median leaves out how uncertain it is. So take all that we know: the sum of the "
            "posteriors of all galaxies, the *stack*. The medians (orange) and the truth (dotted) "
            "are as before, with errors of {sigma:.1f} dex.",
            "Will the stack be nearer to the truth than the medians are, or farther from it?",
            "The stack (dashed) is {width_stack:.2f} dex wide, after {width_medians:.2f} dex for "
            "the medians and {width_true:.2f} dex in truth. In it each error counts twice: it has "
            "moved the median, and the posterior is as wide again around that.\n\n"
            "So turn the question round: **which distribution of masses makes the data of all "
            "galaxies probable?** Each galaxy says how probable its data are at each mass, which "
            "is its posterior with the prior of the fit divided out, and the distribution is asked "
            "to be smooth. The answer is the blue curve with its bands of 68 and 95 %. It has "
            "{high_low:.0f} to {high_high:.0f} galaxies above a log mass of {high}, where there "
            "are {high_true}. Of the {cells} cells in which five galaxies or more are "
            "expected, the band of 68 % contains the truth in {held}; the medians are within "
            "their counting error of it in {held_medians}.\n\n"
            "Each galaxy gains from the others, too. With the population as its prior, its "
            "posterior *shrinks* towards where galaxies are common: the typical (rms) distance of "
            "a median from the true mass goes from {rms_own:.2f} to {rms_shrunk:.2f} dex.",
            (NEARER, FARTHER),
        ),
        Step(
            "atlas",
            "Real galaxies",
            "Now the packaged atlas: **{n_atlas:,} real galaxies**, with the medians, the stack "
            "and the population. Nobody knows the truth here. They come from two places: the "
            "region of Virgo, the nearest large cluster (median redshift {z_virgo:.3f}), and seven "
            "clusters that are farther away (median redshift {z_clusters:.3f}).",
            "Which of the two has the larger share of dwarfs, of galaxies of low mass?",
            "Below a log mass of {low:g} are {share_virgo:.0%} of the galaxies of Virgo and "
            "{share_clusters:.0%} of those of the seven clusters. But the atlas has only galaxies "
            "that are bright enough in the sky, and at the distance of the clusters that takes a "
            "galaxy of {times:.0f} times the luminosity, if the redshifts are right. Galaxies of "
            "low mass may be just as common there: they were never measured. **The inference takes "
            "out the errors and the prior. It cannot know which galaxies were never selected.**\n\n"
            "Where the limit in flux and the area are known, each galaxy can count as "
            "1/Vₘₐₓ, one over the volume in which it would have been seen. The "
            "packaged atlas is seven clusters and Virgo, chosen by hand, and no weights turn it "
            "into the mass function of the universe. "
            "On the page *Population* you can ask it other questions, and select other parts.",
            (*PARTS, ALIKE),
        ),
    ),
)
