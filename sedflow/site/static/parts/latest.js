// Only the newest value is worked on: one call a frame at most, and what was overtaken is never begun.

/**
 * A function that hands its newest argument to `work`, when the frame comes and the work before is done.
 * @template T @param {(value: T) => Promise<void>} work
 * @returns {(value: T) => void}
 */
export function latest(work) {
  /** @type {{value: T}|null} */
  let waits = null;
  let busy = false;
  async function run() {
    while (waits) {
      const { value } = waits;
      waits = null;
      await work(value).catch((error) => { if (error.name !== "Superseded") throw error; });
    }
    busy = false;
  }
  return (value) => {
    waits = { value };
    if (busy) return;
    busy = true;
    requestAnimationFrame(run);
  };
}
