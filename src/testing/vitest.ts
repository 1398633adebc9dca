/** `import 'neurofuzz/vitest'` in a test or a setup file adds the matchers to Vitest's `expect`. */
import { toSurvive } from './matchers.ts';

// Vitest is no dependency: whoever imports this file has it.
const VITEST: string = 'vitest';

const { expect } = (await import(VITEST)) as {
  readonly expect: { extend(matchers: Readonly<Record<string, unknown>>): void };
};
expect.extend({ toSurvive });
