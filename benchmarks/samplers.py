"""Which sampler converges on this posterior, and in what time.

    python benchmarks/samplers.py --nsaid 72 145955

The published runs' zeus and emcee, 30 walkers x 10,000 steps, from the best of 20,000 draws of
the prior and from the network's draws, beside the default. Figures are ArviZ's, the worst of 12
parameters; a run has converged with R-hat < 1.01 and both ESS > 400.
"""

import argparse
import os
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sedflow
from sedflow.threads import use_threads


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nsaid", type=int, nargs="+", default=[72, 145955])
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    print("| NSAID | sampler | R-hat | bulk ESS | tail ESS | seconds | converged |")
    print("|---|---|---|---|---|---|---|")
    for nsaid in options.nsaid:
        for name, sampler in (
            ("zeus", sedflow.MCMCSampler("zeus", steps=options.steps)),
            ("emcee", sedflow.MCMCSampler("emcee", steps=options.steps)),
            (
                "emcee from the network's draws",
                sedflow.MCMCSampler("emcee", steps=options.steps, start=posterior),
            ),
            ("smc (default)", sedflow.MCMCSampler()),
        ):
            c = sampler.sample(nsa.photometry(nsaid), n=10_000, seed=1).convergence
            print(
                f"| {nsaid} | {name} | {c.r_hat.max():.3f} | {c.ess_bulk.min():.0f} | "
                f"{c.ess_tail.min():.0f} | {c.seconds:.0f} | {'yes' if c.converged else 'no'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
