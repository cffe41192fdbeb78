// Galaxies to start from, and the order of the sliders.

/** Titles, and the parameters under them. */
export const GROUPS = [
  ["Mass and distance", ["log_mstar", "redshift"]], ["Star formation (shares, divided by their sum)", ["beta1", "beta2", "beta3", "beta4"]],
  ["Burst", ["f_burst", "t_burst"]], ["Metals", ["log_gamma1", "log_gamma2"]], ["Dust", ["tau_bc", "tau_ism", "n_dust"]],
];

/** Parameters that differ from the defaults. */
export const PRESETS = {
  typical: {},
  quiescent: { log_mstar: 11, beta1: 0, beta2: 0.05, beta3: 0.25, beta4: 0.7, log_gamma1: -1.9, log_gamma2: -1.9, tau_bc: 0.3, tau_ism: 0.05 },
  "star-forming": { log_mstar: 10, beta1: 0.8, beta2: 0.15, beta3: 0.05, beta4: 0, log_gamma1: -2.2, log_gamma2: -2.6, tau_bc: 1, tau_ism: 0.4 },
  dusty: { log_mstar: 10.8, beta1: 0.7, beta2: 0.2, beta3: 0.1, beta4: 0, log_gamma1: -2, log_gamma2: -2.2, tau_bc: 2, tau_ism: 1.8, n_dust: -0.3 },
  "post-burst": { log_mstar: 10.3, beta1: 0, beta2: 0.1, beta3: 0.3, beta4: 0.6, f_burst: 0.25, t_burst: 0.6, tau_bc: 0.5, tau_ism: 0.2 },
  "low metallicity": { log_mstar: 8.5, beta1: 0.7, beta2: 0.2, beta3: 0.1, beta4: 0, log_gamma1: -4, log_gamma2: -4.2, tau_bc: 0.2, tau_ism: 0.05 },
};

/** Parameters of a preset; the redshift stays. @param {Record<string, number>} defaults @param {string} key */
export function starts(defaults, key) {
  const { redshift, ...rest } = defaults;
  return { ...rest, ...PRESETS[key] };
}
