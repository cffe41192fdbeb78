"""An answer as a fit to keep: with the verdict that the page gives, which a file must not lose."""

from dataclasses import replace

import numpy as np

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.widgets import begun
from sedflow.fits.fit import Fit
from sedflow.sampling.misfit import misfit_warning
from sedflow.sampling.reweighting import reweight
from sedflow.sampling.verdict import APPROXIMATE, Verdict
from sedflow.sampling.verdict_decision import with_edges
from sedflow.sampling.verdict_steps import account
from sedflow.trust_limits import TELLING

__all__ = ["kept_fit"]

_NOTE = "Note that "  # with which a note of an answer begins


def kept_fit(answer: Answer) -> Fit:
    """The fit that an answer shows, with a `Verdict`.

    The app weighs the draws of the network by itself, one step at a time, and puts the verdict into
    words on the page.
    """
    fit = answer.fit
    if fit.verdict is not None:
        return fit
    p, calibrated = answer.p_value, answer.p_calibrated
    figures: dict = dict.fromkeys(Verdict.names(), np.nan)
    figures |= {"p_value": p, "p_calibrated": calibrated, "seconds": np.zeros(3), "warning": ""}
    figures |= {"kind": answer.kind, "inside": bool(answer.check)}
    words = [f"{begun(answer.note.removeprefix(_NOTE).rstrip('.'))}."] if answer.note else []
    held = fit.draws.importance
    if held is not None:
        words.insert(0, account(held, "the network's draws"))
        figures["log_evidence"] = float(held.log_evidence)
        figures["log_evidence_error"] = float(held.log_evidence_error)
    else:  # of the weights that were refused
        held = reweight(answer.network, min_ess=0).draws.importance
    figures |= {"k_hat": float(held.k_hat), "ess": float(held.ess), "gap": float(held.gap)}
    figures |= {"network_k_hat": float(held.k_hat), "network_ess": float(held.ess)}
    figures["share"] = float(held.ess / held.n)
    if answer.exact or (answer.kind == APPROXIMATE and held.ess > TELLING):
        figures["warning"] = misfit_warning(p, calibrated)
    figures["reason"] = " ".join(words)
    return replace(fit, verdict=with_edges(Verdict(**figures), fit.draws, fit.prior))
