/** Smallest legal amount of a change: less of it is lost in single precision, and none at all makes no mutant. */
export const MIN_AMOUNT = 1e-6;
