import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import type { PackedEntries } from '../../fuzzer/packed-entries.ts';
import type { CorpusEntryData, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import type { WorkerSupervisorOptions } from '../../workers/worker-supervisor.ts';

/** Version of the message formats; nodes and coordinator must agree. */
export const MESSAGE_VERSION = 2;

/** Files that are transferred together, with their digests, by which they are downloaded. */
export interface FileManifest {
  /** Name of the file by which they are loaded; empty for the folder itself. */
  readonly main: string;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

/** Identifies a plug-in on other machines by its package. */
export interface PluginManifest {
  /** Path in the campaign's settings. */
  readonly path: string;
  readonly package: string;
  readonly version: string;
  /** Path relative to the package. */
  readonly file: string;
  readonly sha256: string;
}

/** Everything that a node needs to join a campaign. */
export interface Descriptor {
  readonly v: number;
  /** Version of neurofuzz; nodes with another version do not join. */
  readonly version: string;
  readonly session: string;
  /** Display name of the campaign. */
  readonly name: string;
  readonly setup: WorkerSetup;
  readonly load: WorkerSupervisorOptions['model']['options'];
  readonly timeout: number;
  /** Digest of the model, by which a node verifies the download. */
  readonly sha256: string;
  readonly model: FileManifest;
  readonly secondModel: FileManifest | undefined;
  /** Other files named in the campaign's settings. */
  readonly files: readonly (FileManifest & { readonly path: string })[];
  readonly plugins: readonly PluginManifest[];
  /** Length of an entry's activation vector. */
  readonly width: number;
  /** Testcases with their activations on the coordinator, which a node must reproduce exactly; empty with `--mixed`. */
  readonly referenceRuns: readonly Pick<CorpusEntryData, 'data' | 'activations'>[];
}

/** A part of the corpus: entries `from` to `from + packedEntries.count - 1`. It never changes once published. */
export interface CorpusPart {
  readonly v: number;
  readonly from: number;
  readonly packedEntries: PackedEntries;
}

/** A batch of tasks for one node. */
export interface Shard {
  readonly v: number;
  readonly id: string;
  /** Number of corpus entries that the tasks refer to. */
  readonly entries: number;
  readonly tasks: readonly Task[];
}

/** The result of one task of a shard. */
export interface ResultMessage {
  readonly v: number;
  readonly shard: string;
  /** ID of the node that ran it. */
  readonly machine: string;
  readonly result: TaskResult;
}

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const count = z
  .int()
  .min(0)
  .max(2 ** 40);
const numbers = z.array(z.number()).max(1 << 20);
const typedArray = z.custom<ArrayBufferView>((value) => ArrayBuffer.isView(value));
const floats = z.instanceof(Float32Array);
/** At least 0; infinite where it is not known. */
const distance = z.custom<number>((value) => typeof value === 'number' && value >= 0);

/** A relative path that cannot leave its folder. */
const relativePath = z
  .string()
  .min(1)
  .max(512)
  .refine((name) => !/^[/\\]|^[a-zA-Z]:|(^|[/\\])\.\.([/\\]|$)|\0/.test(name), 'must lie in its folder');

const fileManifest = z.object({
  main: z.union([relativePath, z.literal('')]),
  files: z
    .array(z.object({ name: relativePath, bytes: count, sha256: hex(64) }))
    .min(1)
    .max(10_000),
});

const plugin = z.object({
  path: z.string().max(4096),
  package: z.string().regex(/^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]{0,200}$/),
  version: z.string().max(256),
  file: relativePath,
  sha256: hex(64),
});

const input = z.looseObject({
  name: z.string(),
  type: z.string(),
  shape: z.array(count).max(16),
  size: count,
});
const form = z.looseObject({ key: z.string(), inputs: z.array(input).max(256) });
const testcase = z.looseObject({ form, inputs: z.array(typedArray).max(256) });

const packedTestcases = z.looseObject({
  count,
  shapes: z.array(form).max(1 << 16),
  shapeIndices: z.instanceof(Uint16Array),
  inputs: z.array(typedArray).max(256),
  activations: floats,
});

const descriptor = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  version: z.string().max(64),
  session: hex(32),
  name: z.string().max(512),
  setup: z.looseObject({ warm: testcase, batch: count, goals: z.array(z.unknown()) }),
  load: z.looseObject({ runtime: z.enum(['tensorflow', 'wasm', 'cpu', 'onnx']) }),
  timeout: z.number().positive(),
  sha256: hex(64),
  model: fileManifest,
  secondModel: fileManifest.optional(),
  files: z.array(fileManifest.extend({ path: z.string().max(4096) })).max(64),
  plugins: z.array(plugin).max(64),
  width: count,
  referenceRuns: z.array(z.looseObject({ data: testcase, activations: floats })).max(64),
});

const corpusPart = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  from: count,
  packedEntries: packedTestcases.extend({ entries: numbers, ancestors: numbers, references: numbers }),
});

const task = z.looseObject({
  number: count,
  firstExec: count,
  mutants: count.max(1 << 24),
  parents: numbers,
  partners: numbers,
  stacks: numbers,
  saturatedSignatures: z.array(z.string()).max(1 << 16),
  indexSize: count,
  threshold: z.number(),
});

const shard = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  id: z.string().max(128),
  entries: count,
  tasks: z
    .array(task)
    .min(1)
    .max(1 << 16),
});

const hit = z.looseObject({
  pick: z.number(),
  execs: count,
  violation: z.looseObject({ objective: z.string(), signature: z.string().max(512), summary: z.string() }),
  data: testcase,
  batch: z.looseObject({ data: testcase, rows: count, row: count }),
});

const result = z.looseObject({
  task: count,
  mutants: count,
  lost: count,
  rejected: count,
  candidates: packedTestcases.extend({ picks: numbers, predictedClasses: numbers }),
  hits: z.array(hit).max(1 << 16),
  counts: z.array(z.looseObject({ signature: z.string().max(512), hits: count })).max(1 << 16),
  seedHits: z
    .array(
      z.looseObject({
        objective: z.string().max(512),
        seed: count,
        query: count,
        linf: distance,
        l2: distance,
        l0: distance,
      }),
    )
    .max(1 << 20)
    .optional(),
  neighbours: z.looseObject({ entries: numbers, mutants: numbers }).optional(),
  seconds: z.looseObject({
    mutate: z.number(),
    model: z.number(),
    objectives: z.number(),
    coverage: z.number(),
  }),
});

const resultMessage = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  shard: z.string().max(128),
  machine: z.string().max(256),
  result,
});

function messageChecker<T>(schema: z.ZodType, messageName: string): (message: unknown) => T {
  return (message) => {
    const parsed = schema.safeParse(message);
    if (parsed.success) return message as T;
    const { path, message: why } = parsed.error.issues[0];
    throw new UserError(
      `${messageName} on the queue is not from this version of neurofuzz: ${path.map(String).join('.')}: ${why}`,
    );
  };
}

export const checkDescriptor = messageChecker<Descriptor>(descriptor, 'a campaign');
export const checkCorpusPart = messageChecker<CorpusPart>(corpusPart, 'a part of a corpus');
export const checkShard = messageChecker<Shard>(shard, 'a shard');
export const checkResult = messageChecker<ResultMessage>(resultMessage, 'a result');
