// Numbers as people read them: two digits of the uncertainty, real minus signs.

/** @param {number} value @param {number} digits after the point */
export function fixed(value, digits) {
  if (!Number.isFinite(value)) return "–";
  const text = value.toFixed(Math.max(0, digits));
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** Digits after the point that an uncertainty supports. @param {number} sigma */
export function digitsFor(sigma) {
  return sigma > 0 && Number.isFinite(sigma) ? Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(sigma)))) : 2;
}

/** A median with its 68 %: ["10.45", "+0.15 −0.11"]. @param {number} low @param {number} mid @param {number} high */
export function spreadText(low, mid, high) {
  const least = Math.min(high - mid, mid - low) || high - low;
  // One that is far larger than the other has digits of its own.
  const own = (/** @type {number} */ error) => fixed(error, digitsFor(error > 30 * least ? error : least));
  return [fixed(mid, digitsFor(least)), `+${own(high - mid)} −${own(mid - low)}`];
}

/** A share in percent. @param {number} share */
export function percent(share) {
  return `${share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`;
}
