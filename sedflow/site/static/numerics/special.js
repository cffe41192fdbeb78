// Chances of the normal and the chi-square distribution, to 1e-14 or better.

const SQRT_PI = Math.sqrt(Math.PI);

/**
 * Complementary error function: power series near zero, continued fraction beyond.
 * @param {number} x
 * @returns {number}
 */
export function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    // erf(x) = 2/sqrt(pi) exp(-x^2) sum_k 2^k x^(2k+1) / (2k+1)!!
    let term = x;
    let sum = x;
    for (let k = 1; term > 1e-17 * sum; k += 1) {
      term *= (2 * x * x) / (2 * k + 1);
      sum += term;
    }
    return 1 - (2 / SQRT_PI) * Math.exp(-x * x) * sum;
  }
  if (x > 27) return 0; // below the least double
  let fraction = x;
  for (let k = 80; k > 0; k -= 1) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (SQRT_PI * fraction);
}

/**
 * Chance that a standard normal number is below x.
 * @param {number} x
 */
export function normalCdf(x) {
  return 0.5 * erfc(-x / Math.SQRT2);
}

/**
 * Chance that chi-square exceeds x, with a whole number of degrees of freedom.
 * @param {number} dof
 * @param {number} x
 */
export function chiSquareTail(dof, x) {
  if (!(dof >= 1)) return NaN;
  if (!(x > 0)) return x <= 0 ? 1 : NaN;
  const half = x / 2;
  const odd = dof % 2 === 1;
  // Q(k + 2) = Q(k) + (x/2)^(k/2) exp(-x/2) / Gamma(k/2 + 1), from Q(1) or Q(2)
  let tail = odd ? erfc(Math.sqrt(half)) : Math.exp(-half);
  let term = odd ? (2 * Math.sqrt(half) * Math.exp(-half)) / SQRT_PI : half * Math.exp(-half);
  for (let k = odd ? 1 : 2; k < dof; k += 2) {
    tail += term;
    term *= half / (k / 2 + 1);
  }
  return tail;
}

/**
 * The chi-square that is exceeded with this chance: `chiSquareTail` the other way round.
 * @param {number} dof
 * @param {number} chance
 */
export function chiSquareAbove(dof, chance) {
  let low = 0;
  let high = 1;
  while (chiSquareTail(dof, high) > chance) high *= 2;
  for (let k = 0; k < 80; k += 1) {
    const middle = (low + high) / 2;
    if (chiSquareTail(dof, middle) > chance) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
