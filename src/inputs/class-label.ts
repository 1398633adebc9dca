/** In place of a class: none is predicted, or the one that a seed shows is unknown. */
export const NO_CLASS = -1;
