"""From rejection ABC to amortized inference: how many simulations each way needs.

A small problem first: the mass, the dust and the young share of a galaxy, all else known, so
that the exact answer can be computed on a grid. Then all twelve parameters, with the network.
"""

from sedflow.dashboard.learn.steps import Lesson, Step

LESSON = Lesson(
    "abc-to-network",
    "From rejection to amortized inference",
    "Four ways to the same posterior, and the bill in simulations: guess and compare, weigh, walk, "
    "and learn once for all galaxies.",
    20,
    (
        Step(
            "abc",
            "Guess and compare",
            "A galaxy was observed in ugriz. Its mass, dust (τ ISM) and share of young stars (β₁) "
            "are unknown; everything else is known, to keep this small. The simplest way to the "
            "posterior is *rejection ABC* (approximate Bayesian computation): draw the unknowns "
            "from the prior, here evenly from their ranges, simulate the galaxy with noise, and "
            "**keep the draw if the simulated fluxes are near the observed ones**. How far they "
            "are is counted in errors, as a mean (root mean square) over the bands; the slider "
            "sets the *tolerance*, the largest distance that is kept.\n\n"
            "So far **{made:,} simulations, {accepted:,} kept ({rate:.2%})**. Make some more, and "
            "move the tolerance.",
            "Would you rather have a large tolerance or a small one?",
            "Neither is free. At the tolerance of {tolerance:g}, {accepted:,} of {made:,} are "
            "kept; at half of it {half:,}. The dashed line is the exact posterior, which for so "
            "small a problem can be computed on a grid. With a large tolerance the bars are wider "
            "than it; with a small one they fit but few are left. To keep {enough} at this "
            "tolerance you need {need}.",
        ),
        Step(
            "weigh",
            "Weigh instead of rejecting",
            "We know more than near or far: the noise is Gaussian, so the probability of the data "
            "under each simulated galaxy, the *likelihood*, can be written down. Instead of "
            "rejecting, **weigh each simulation by its likelihood**. No tolerance is left, and "
            "the simulations are the same ones.\n\n"
            "Of {made:,} simulations, {ess:,.0f} count *in effect* (the *effective sample size*).",
            "With weights, do most of the simulations still go to waste?",
            "{waste:.2%} of them do. There is no tolerance to be wrong any more, but most "
            "draws of the prior look nothing like this galaxy. For {enough} effective draws you "
            "need {need}. {against}",
            ("Yes", "No"),
        ),
        Step(
            "walk",
            "Walk there",
            "*Markov chain Monte Carlo* (MCMC) uses what it has learnt: {walkers} walkers step "
            "through the parameters, and a step is taken with a probability that depends on the "
            "ratio of the likelihoods. Each proposed step costs one simulation. The first quarter, "
            "on the way there, is left out, and neighbouring steps are much alike, so that they "
            "count for fewer draws. *Walk on* makes the walk twice as long.\n\n"
            "**{mcmc_made:,} simulations: {mcmc_ess:,.0f} effective draws**; {mcmc_taken:.0%} of "
            "the steps were taken.",
            "For the next galaxy, how many of these simulations can be used again?",
            "Per effective draw MCMC needs {mcmc_each} simulations here, weighing needed "
            "{weigh_each} and the tolerance {abc_each}. But a walk to *this* galaxy "
            "teaches nothing about the next, and a survey has millions.",
            ("All", "About half", "None"),
        ),
        Step(
            "twelve",
            "All twelve parameters",
            "Now a real one: **{name}**, five fluxes, all twelve parameters unknown. Of "
            "{abc_made:,} simulations from the prior, {abc_kept} came within a distance of "
            "{abc_tolerance:g}. The network answered with {n:,} draws (blue), of which the exact "
            "weights (dashed) leave {ess:,.0f} in effect. MCMC (green) is run when you press the "
            "button: it takes ten seconds or more, in a queue.",
            "What would weighing draws of the prior cost here?",
            "For one effective draw about {per_draw} simulations, so {prior_cost} for {enough} of "
            "them: twelve parameters leave more room to be wrong in than three. {mcmc_line}",
        ),
        Step(
            "bill",
            "The bill",
            "The network `{weights}` was trained on **{trained:,} simulated galaxies** in "
            "{minutes:.0f} minutes, *once*: it learnt not the posterior of one galaxy but how the "
            "posterior follows from any galaxy's data. That is called *amortized* inference. For "
            "a galaxy it then needs no search. (In this app each draw costs one evaluation of the "
            "model: to draw its mass, and to weigh it.)\n\n"
            "The figure adds up the simulations for a number of galaxies, {enough} effective draws "
            "of each, with the numbers measured in this lesson.",
            "From how many galaxies on does the network's training pay off against MCMC?",
            "From about {cross} galaxies on. With MCMC a galaxy costs {mcmc_cost} simulations"
            "{mcmc_origin}, with the network {network_cost:,}. The atlas has {atlas:,} "
            "galaxies in this package alone. The price is trust: the network is an approximation, "
            "and nothing in its answer says how good. That is why the app weighs its draws, and "
            "the next lesson is about when not to believe it.",
        ),
    ),
)
