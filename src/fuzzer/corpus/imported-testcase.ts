import type { Lineage, TestcaseData } from '../../inputs/testcase.ts';

/** A testcase of an older campaign that this one begins with, measured from its own ancestor. */
export interface ImportedTestcase {
  readonly lineage: Lineage;
  /** What it was kept for, where that was not its activations. */
  readonly site?: string | undefined;
  readonly data: TestcaseData;
  readonly ancestor: TestcaseData;
}
