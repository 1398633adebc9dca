import { Feedback } from '../../src/coverage/feedback/feedback.ts';
import { feedbackKind } from '../../src/coverage/feedback/registry.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import { Corpus, type TestcaseLoader } from '../../src/fuzzer/corpus/corpus.ts';
import { packTestcases } from '../../src/fuzzer/packed-testcases.ts';
import type { ArmDescriptor } from '../../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../../src/fuzzer/scheduling/mutator-scheduler.ts';
import type { Task, TaskResult } from '../../src/fuzzer/scheduling/task.ts';
import { FuzzerState, type FuzzerStateOptions } from '../../src/fuzzer/state.ts';
import type { InputDescriptor } from '../../src/inputs/input-descriptor.ts';
import { type TestcaseData, testcaseId } from '../../src/inputs/testcase.ts';
import { shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { uniform } from '../../src/schedulers/uniform.ts';

/** An input of two float values between 0 and 10. */
const INPUT = { name: 'x', type: 'float32', shape: [2], size: 2 } as const;
const SHAPE = shapeSignatureOf([INPUT]);

export const DESCRIPTOR: InputDescriptor = {
  name: 'x',
  type: 'float32',
  domains: ['numbers'],
  size: 2,
  range: { low: 0, high: 10 },
  picture: undefined,
  columns: undefined,
  fixed: undefined,
  tokens: undefined,
};

export const ARM: ArmDescriptor = {
  name: 'gaussian',
  cost: 1,
  partner: undefined,
  acceptsAnyShape: false,
  geometric: false,
};

/** A testcase of two values. */
export function testcase(a: number, b = 0): TestcaseData {
  return { form: SHAPE, inputs: [Float32Array.of(a, b)] };
}

/** A loader that nothing should be asked of. */
export const NO_LOADER: TestcaseLoader = {
  load(id) {
    throw new Error(`${id} was asked for`);
  },
  loadActivations(from) {
    throw new Error(`the activations of ${from} were asked for`);
  },
};

/** A feedback by distance between single numbers, new above 1 (squared). */
export function distanceFeedback(): Feedback {
  return new Feedback({ kind: feedbackKind('distance'), width: 1, threshold: 1, isAdaptive: true });
}

/** Options of a state whose activations are single numbers and whose threshold is 1 (squared). */
export function stateOptions(overrides: Partial<FuzzerStateOptions> = {}): FuzzerStateOptions {
  return {
    corpus: { entries: new Corpus(NO_LOADER), maxEntries: Number.POSITIVE_INFINITY, labels: undefined },
    feedback: distanceFeedback(),
    mutation: {
      scheduler: uniform.make(parameterValues()),
      mutatorScheduler: new MutatorScheduler(['x'], [[ARM]], true),
      descriptors: [DESCRIPTOR],
      arms: [[ARM]],
      limits: {},
    },
    search: undefined,
    tasks: {
      masterSeed: 'engine',
      batch: 32,
      maxExecs: Number.POSITIVE_INFINITY,
      feedbackDelay: () => 2,
      singleBatches: false,
    },
    objectives: ['nonfinite'],
    ...overrides,
  };
}

/** A state with one seed, whose activation is 0. */
export function seededState(overrides: Partial<FuzzerStateOptions> = {}): FuzzerState {
  const state = new FuzzerState(stateOptions(overrides));
  state.addSeed(testcase(0), Float32Array.of(0), 3);
  return state;
}

/** A result of a task with candidates of its first pick, each a testcase with its activation. */
export function resultOf(
  task: Task,
  candidates: readonly { readonly data: TestcaseData; readonly activation: number }[] = [],
  overrides: Partial<TaskResult> = {},
): TaskResult {
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: {
      ...packTestcases(
        candidates.map(({ data, activation }) => ({ data, activations: Float32Array.of(activation) })),
      ),
      picks: candidates.map(() => 0),
      predictedClasses: candidates.map(() => 1),
    },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
    ...overrides,
  };
}

export const idOf = testcaseId;

/** Nothing was confirmed. */
export const NOTHING_CONFIRMED = { newFaults: [], saturatedSignatures: [], countedSignatures: [] } as const;
