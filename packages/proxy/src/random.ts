/** The one source of chance in the proxy: uniform in [0, 1). Everything takes it as a parameter. */
export const systemRandom: () => number = Math.random;
