/** What a process writes to standard error before it ends itself for its memory. */
export const MEMORY_MARK = 'neurofuzz: more memory than --memory allows';

/** What it writes before it ends itself since it takes more than the size of a model accounts for. */
export const LOADING_MARK = 'neurofuzz: takes more than';
