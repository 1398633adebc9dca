import type { Lineage, TestcaseData } from '../../inputs/testcase.ts';

/** A testcase of an older campaign that this one begins with, measured from its own ancestor. */
export interface ImportedTestcase {
  readonly lineage: Lineage;
  /** Name of the goal it was admitted for; undefined if its activations were new. */
  readonly site?: string | undefined;
  readonly data: TestcaseData;
  readonly ancestor: TestcaseData;
}
