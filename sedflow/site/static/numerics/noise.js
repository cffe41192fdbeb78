// Random numbers that a seed fixes: xoshiro128** (Blackman & Vigna 2021, ACM TOMS 47, 36), seeded by
// mixing 32-bit words. They are not the numbers of numpy: a seed repeats an answer of this page only.

/** A source of uniform and normal numbers. */
export class Noise {
  /** @param {number[]} words whole numbers, of which each changes all numbers that follow */
  constructor(words) {
    let mixed = 0x9e3779b9;
    for (const word of words) mixed = scrambled((mixed ^ word) + 0x9e3779b9);
    /** @type {Uint32Array} */
    this.state = Uint32Array.from({ length: 4 }, () => (mixed = scrambled(mixed + 0x9e3779b9)));
    if (this.state.every((part) => part === 0)) this.state[0] = 1;
    /** @type {number} a normal number made with the one before; NaN where there is none */
    this.spare = NaN;
  }

  /** A whole number from 0 to 2^32 - 1. */
  word() {
    const s = this.state;
    const out = Math.imul(turned(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = turned(s[3], 11);
    return out;
  }

  /** A number inside (0, 1), of 53 bits. */
  uniform() {
    return ((this.word() >>> 6) * 134217728 + (this.word() >>> 5) + 0.5) / 9007199254740992;
  }

  /** A standard normal number, by Marsaglia's polar method. */
  normal() {
    if (!Number.isNaN(this.spare)) {
      const kept = this.spare;
      this.spare = NaN;
      return kept;
    }
    let x, y, square;
    do {
      x = 2 * this.uniform() - 1;
      y = 2 * this.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    this.spare = y * scale;
    return x * scale;
  }
}

/**
 * Noise that a seed and a galaxy's own data fix, whatever was asked before.
 * @param {number} seed
 * @param {ArrayLike<number>[]} data
 */
export function noiseOf(seed, ...data) {
  const values = Float64Array.from([seed, ...data.flatMap((part) => Array.from(part))]);
  return new Noise(Array.from(new Uint32Array(values.buffer)));
}

/**
 * Base points of n draws: normal numbers of the flow (n, dimensions), and quantiles of the mass (n).
 * @param {Noise} noise
 * @param {number} n
 * @param {number} dimensions
 */
export function basePoints(noise, n, dimensions) {
  const points = new Float32Array(n * dimensions);
  const mass = new Float32Array(n);
  for (let k = 0; k < n; k += 1) {
    for (let d = 0; d < dimensions; d += 1) points[k * dimensions + d] = noise.normal();
    // Rounding to single precision must not reach 0 or 1, which no quantile has.
    mass[k] = Math.min(Math.max(noise.uniform(), 6e-8), 1 - 6e-8);
  }
  return { points, mass };
}

/** @param {number} x @param {number} by */
function turned(x, by) {
  return (x << by) | (x >>> (32 - by));
}

/** The finaliser of MurmurHash3. @param {number} x */
function scrambled(x) {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
