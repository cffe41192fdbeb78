// What is true of a mock: its parameters, what follows from them, and its history.

/**
 * @typedef {{of: Record<string, number>, history: Record<string, Float64Array>}} Truth values by name of the quantity, and histories
 *   as those of the posterior
 */

/**
 * The truth of a galaxy that was made from a model; null of any other.
 * @param {any} engine @param {{truth?: ArrayLike<number>|null, redshift: number}} galaxy
 * @returns {Promise<Truth|null>}
 */
export async function truthOf(engine, { truth, redshift }) {
  if (!truth) return null;
  const { parameters, quantities } = engine.site, models = { theta: truth, redshift };
  const [{ values }, history] = await Promise.all([engine.quantities(models), engine.histories(models)]);
  const derived = quantities.map((q, k) => [q.name, values[k]]);
  return { of: Object.fromEntries([...derived, ...parameters.map((p, k) => [p.name, truth[k]])]), history };
}

/**
 * A range made wide enough for a value to be seen in it.
 * @param {[number, number]} range @param {number|null} value @returns {[number, number]}
 */
export function reaching([low, high], value) {
  if (value === null || !Number.isFinite(value)) return [low, high];
  const pad = 0.04 * (high - low);
  return [Math.min(low, value - pad), Math.max(high, value + pad)];
}
