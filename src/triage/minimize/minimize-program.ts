import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeTestcase, type TestcaseData } from '../../inputs/testcase.ts';
import type { TestcaseBatch } from '../../model/testcase-batch.ts';
import { layoutOf } from '../../mutators/image/layout.ts';
import { readStored, type StoredProgram, storedValues } from '../../reprogram/program-file.ts';
import { withProgram } from '../../reprogram/program-oracle.ts';
import { maskGrid, shrinkMask } from '../../reprogram/shrink-mask.ts';
import type { Finding } from '../../storage/finding.ts';
import { decodeNpy, encodeNpy } from '../../tensor/npy.ts';
import { decodeNpz } from '../../tensor/npz.ts';
import { rowsOf } from '../../tensor/tensor.ts';
import { recordedImageFormats } from '../image-formats.ts';
import type { OpenCampaign } from '../open-campaign.ts';
import { type TestOracle, type TryBudget, testVariants } from './test-oracle.ts';

/** Share of the success on test inputs that a smaller program must keep. */
const KEPT_SHARE = 0.9;

/** Test inputs that a program is tried on, the first ones. */
const MAX_TESTS = 64;

/** A test input of `tests.jsonl`. */
interface TestLine {
  readonly id: string;
  readonly label: number;
  readonly offset: number;
}

/** A finding with a smaller program, and files that hold the program. */
export interface SmallerProgram {
  readonly testcase: TestcaseData;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Makes the program of a finding of `reprogram` smaller: leaves out blocks of what it writes as long as the finding holds, and at least
 * nine tenths of the test inputs that the whole program leads there are still led there.
 *
 * @param seed the input that the program was written into
 * @param oracle tells whether variants violate the finding's objective
 * @returns undefined where the campaign's folder holds no program for the finding
 */
export async function minimizeProgram(
  { folder, inputs, config }: OpenCampaign,
  finding: Pick<Finding, 'signature' | 'ancestor' | 'mutators' | 'objective'>,
  seed: TestcaseData,
  oracle: TestOracle<TestcaseData>,
  budget: TryBudget,
): Promise<SmallerProgram | undefined> {
  const name = finding.signature.slice(finding.objective.length + 1);
  const position = inputs.findIndex((input) => `${input.name}:${name}` === finding.mutators[0]);
  const bytes = await readFirst([join(folder, `program-${name}.npy`), join(folder, 'program.npy')]);
  const text = await readFirst([join(folder, 'tests.jsonl')]);
  const rows = await readFirst([join(folder, 'tests.npz')]);
  if (position < 0 || bytes === undefined || text === undefined || rows === undefined) return undefined;
  const picture = recordedImageFormats(inputs, config)[position];
  const { shape, size } = seed.form.inputs[position];
  const [low, high] = inputs[position].range;
  const layout = picture === undefined ? undefined : layoutOf(picture, shape);
  const tensor = decodeNpy(bytes, 'program.npy');
  const program = readStored(tensor, size, layout, { low, high });
  if (program === undefined) return undefined;
  const lines = text
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): TestLine => JSON.parse(line));
  const offset = lines.find(({ id }) => id === finding.ancestor)?.offset ?? 0;
  const batch = decodeTestcase(inputs, rows, 'tests.npz', rowCount(rows, inputs[0].name));
  const tests: Test[] = [{ data: seed, offset }];
  for (const [row, data] of unpackBatch(batch).entries()) {
    const { id, label, offset: place } = lines[row];
    if (`${label}` === name || id === finding.ancestor || tests.length > MAX_TESTS) continue;
    tests.push({ data, offset: place });
  }
  const judge = judgeOf(program, position, tests, oracle, budget);
  const first = await judge(program.placement.mask);
  if (!first.holds) return undefined;
  const mask = await shrinkMask(
    program.placement.mask,
    maskGrid(program.placement, { picture }, shape),
    async (smaller) => {
      if (budget.remaining < tests.length) return false;
      const { holds, success } = await judge(smaller);
      return holds && success >= KEPT_SHARE * first.success;
    },
  );
  const placement = { ...program.placement, mask };
  const values = program.values.map((value, i) => (mask[i] === 1 ? value : 0));
  return {
    testcase: withProgram(seed, position, values, placement, { offset }),
    files: new Map([
      ['program.npy', encodeNpy({ ...tensor, type: 'float32', data: storedValues(values, placement) })],
      ['mask.npy', encodeNpy({ ...tensor, type: 'uint8', data: mask })],
    ]),
  };
}

interface Test {
  readonly data: TestcaseData;
  readonly offset: number;
}

/** Measures whether the finding, which is the first test, holds with a mask, and the share of the other tests that are led there. */
function judgeOf(
  { values, placement }: StoredProgram,
  position: number,
  tests: readonly Test[],
  oracle: TestOracle<TestcaseData>,
  budget: TryBudget,
): (mask: Uint8Array) => Promise<{ readonly holds: boolean; readonly success: number }> {
  return async (mask) => {
    const variants = tests.map(({ data, offset }) =>
      withProgram(data, position, values, { ...placement, mask }, { offset }),
    );
    const [holds, ...others] = await testVariants(variants, oracle, budget);
    return { holds, success: others.length === 0 ? 1 : others.filter(Boolean).length / others.length };
  };
}

/** Testcases of a batch. */
function unpackBatch({ form, inputs }: TestcaseBatch): TestcaseData[] {
  const count = (inputs[0]?.length ?? 0) / form.inputs[0].size;
  return Array.from({ length: count }, (_, row) => ({
    form,
    inputs: inputs.map((data, i) => rowsOf(data, form.inputs[i].size, row, row + 1)),
  }));
}

function rowCount(bytes: Uint8Array, input: string): number {
  return decodeNpz(bytes, 'tests.npz').get(input)?.shape[0] ?? 0;
}

async function readFirst(paths: readonly string[]): Promise<Buffer | undefined> {
  for (const path of paths) {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}
