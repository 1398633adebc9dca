/** `import 'neurofuzz/jest'` in a test or a setup file adds the matchers to Jest's `expect`. */
import { toSurvive } from './matchers.ts';

const { expect } = globalThis as {
  readonly expect?: { extend(matchers: Readonly<Record<string, unknown>>): void };
};
if (expect?.extend === undefined)
  throw new Error(
    "neurofuzz/jest needs Jest's global expect: import it in a test or in setupFilesAfterEnv; with injectGlobals off, call expect.extend with neurofuzz/matchers",
  );
expect.extend({ toSurvive });
