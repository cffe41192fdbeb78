"""Where the parts of Explore and Forward are, from a wide screen to a phone: style sheets alone."""

__all__ = ["BESIDE", "FORWARD", "SCREEN", "SLIDERS", "STAGE", "VIEWS"]

#: The list beside everything else; on a small screen over it, below the button that folds it away.
SCREEN = """
:host { display: grid !important; grid-template-columns: var(--sf-columns, 246px minmax(0, 1fr));
        grid-template-rows: minmax(0, 1fr); }
:host(.folded) { grid-template-columns: minmax(0, 1fr); }
.rail { border-right: 1px solid var(--sf-line); padding: 4px; min-width: 0;
        display: var(--sf-rail, flex) !important; }
.rail.folded { display: none !important; }
@media (max-width: 1100px) {
  :host, :host(.folded) { grid-template-columns: minmax(0, 1fr); }
  .rail { display: none !important; }
  .rail.folded { display: flex !important; position: absolute; z-index: 10; left: 0; top: 40px;
    bottom: 0; width: min(320px, 88vw) !important; background: var(--sf-ground);
    box-shadow: 4px 0 18px rgb(0 0 0 / 25%); }
}
"""

#: The line with galaxy and verdict, above the stage.
VIEWS = """
:host { min-width: 0; overflow: hidden; padding: 2px 6px 4px; }
.head { flex: 0 0 auto !important; }
.parts { display: none !important; }
.stage { flex: 1 1 0 !important; min-height: 0; }
@media (max-width: 1100px) {
  :host { overflow: auto; }
  .stage { flex: var(--sf-alone-flex, none) !important;
    height: var(--sf-alone-height, auto) !important; }
}
@media (max-width: 600px) {
  .parts { display: flex !important; position: sticky; top: 0; z-index: 4;
           background: var(--sf-ground); }
}
"""

#: Spectrum, residuals and histories on the left, corner plot and numbers on the right.
STAGE = """
:host { display: grid !important; gap: 2px 10px; min-height: 0;
  grid-template-columns: var(--sf-alone-columns, minmax(0, 1fr) minmax(380px, 40%));
  grid-template-rows: var(--sf-alone-rows, var(--sf-stage-rows,
    30px minmax(110px, 1.25fr) 104px minmax(210px, 0.95fr)));
  grid-template-areas: var(--sf-alone-areas,
    "bar corner" "sed corner" "pull corner" "history block");
  transition: opacity 80ms; }
.part { min-width: 0; min-height: 0; }
/* Not by its display, which is its own. */
.bar { grid-area: bar; min-width: 0; visibility: var(--sf-bar-seen, visible);
  position: var(--sf-bar-place, relative); }
.sed { grid-area: sed; display: var(--sf-sed, flex) !important; }
.pull { grid-area: pull; display: var(--sf-pull, flex) !important; }
.history { grid-area: history; display: var(--sf-history, flex) !important; }
/* What is laid over the plot has room, or goes. */
.corner { grid-area: corner; container-type: size; display: var(--sf-corner, flex) !important; }
.block { grid-area: block; display: var(--sf-block, flex) !important;
  border-top: 1px solid var(--sf-line); }
@media (min-width: 1800px) {
  :host { grid-template-columns: var(--sf-alone-columns, minmax(0, 1fr) minmax(380px, 46%)); }
}
@media (max-width: 1100px) {
  :host { grid-template-columns: minmax(0, 1fr);
    grid-template-rows: var(--sf-alone-rows, var(--sf-tall-rows,
      30px 270px 104px 590px 250px 360px));
    height: var(--sf-alone-height, auto) !important; flex: var(--sf-alone-flex, none) !important;
    grid-template-areas: var(--sf-alone-areas,
      "bar" "sed" "pull" "corner" "history" "block"); }
  .corner { max-width: 720px; width: 100% !important; justify-self: center; }
}
@media (max-width: 600px) {
  :host { display: flex !important; flex-direction: column; height: auto !important;
    flex: none !important; }
  .part, .bar { display: none !important; width: 100% !important; }
  :host(.on-light) .bar, :host(.on-light) .sed, :host(.on-light) .pull,
  :host(.on-posterior) .corner, :host(.on-history) .history,
  :host(.on-numbers) .block { display: flex !important; }
  .part, .bar { flex: none !important; }
  .bar { height: auto !important; }
  .sed { height: 44vh !important; }
  .pull { height: var(--sf-pull-height, 120px) !important; }
  .corner { height: 560px !important; }
  .history { height: 880px !important; }
  .block { height: 70vh !important; }
}
@media print { .block { break-inside: avoid; } }
"""

#: The sliders of Forward beside its figures.
BESIDE = """
:host { display: grid !important;
        grid-template-columns: var(--sf-beside, 372px minmax(0, 1fr));
        grid-template-rows: minmax(0, 1fr); }
.sliders { border-right: 1px solid var(--sf-line); padding: 6px 8px; overflow: auto;
           height: 100% !important; }
@media (max-width: 900px) {
  :host { display: flex !important; flex-flow: column nowrap !important;
          height: auto !important; }
  :host > * { flex: none !important; height: auto !important; }
  .sliders { border: 0; max-height: none !important; }
}
"""

#: Sliders in two columns.
SLIDERS = """
:host { display: grid !important; grid-template-columns: repeat(2, minmax(0, 1fr));
        grid-auto-rows: max-content; gap: 4px 12px; align-content: start; align-items: end; }
.wide { grid-column: 1 / -1; }
"""

#: Spectrum, magnitudes, histories, and the observatory below.
FORWARD = """
:host { display: grid !important; padding: 4px 8px; gap: 2px; min-width: 0; min-height: 0;
  overflow: hidden auto; grid-template-columns: minmax(0, 1fr);
  grid-template-rows: max-content minmax(150px, 1.3fr) max-content
    minmax(130px, 1fr) max-content;
  grid-template-areas: "bar" "sed" "magnitudes" "history" "observe"; }
.bar { grid-area: bar; } .sed { grid-area: sed; } .magnitudes { grid-area: magnitudes; }
.history { grid-area: history; }
.observe { grid-area: observe; border-top: 1px solid var(--sf-line); padding-top: 2px; }
:host > * { min-width: 0; min-height: 0; }
/* On a small screen the spectrum stays in sight while sliders pass below it. */
@media (max-width: 900px) {
  :host { display: contents !important; }
  :host > * { flex: none !important; width: auto !important; align-self: stretch !important; }
  .bar { order: -2; padding: 4px 8px 0; }
  .sed { order: -1; position: sticky !important; top: 0; z-index: 3;
    height: min(300px, 36vh) !important; background: var(--sf-ground); }
  .magnitudes { order: 1; } .history { order: 2; height: 240px !important; } .observe { order: 3; }
}
@media print { .sed { position: static !important; } }
"""
