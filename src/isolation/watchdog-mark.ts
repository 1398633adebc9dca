/** What a process writes to standard error before it ends itself for its memory. */
export const MEMORY_MARK = 'neurofuzz: more memory than --memory allows';
