import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import type { Parcel, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import type { Parcels, WorkerSetup } from '../../workers/services/fuzz-service.ts';
import type { SlotOptions } from '../../workers/worker-supervisor.ts';

/** Version of all messages. */
export const MESSAGE_VERSION = 1;

/** Files that belong together, by which they are fetched. */
export interface Travelling {
  /** The one that is named to use them; empty for their folder. */
  readonly main: string;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

/** A plug-in as another machine knows it. */
export interface TravellingPlugin {
  /** What the campaign's settings call it. */
  readonly path: string;
  readonly package: string;
  readonly version: string;
  /** Within the package. */
  readonly file: string;
  readonly sha256: string;
}

/** What a machine needs to take part in a campaign. */
export interface Descriptor {
  readonly v: number;
  /** Of neurofuzz: machines of another one do not take part. */
  readonly version: string;
  readonly session: string;
  /** What people call the campaign. */
  readonly name: string;
  readonly setup: WorkerSetup;
  readonly load: SlotOptions['model']['options'];
  readonly timeout: number;
  /** Tells whether it came over as what it is here. */
  readonly sha256: string;
  readonly model: Travelling;
  readonly copy: Travelling | undefined;
  /** Other files that the campaign's settings name. */
  readonly files: readonly (Travelling & { readonly path: string })[];
  readonly plugins: readonly TravellingPlugin[];
  /** Numbers in an entry's activations. */
  readonly width: number;
  readonly trials: readonly Pick<Parcel, 'data' | 'activations'>[];
}

/** A part of the corpus: entries `from` to `from + parcels.count`. A part is the same however often it is published. */
export interface Entries {
  readonly v: number;
  readonly from: number;
  readonly parcels: Parcels;
}

/** Tasks that a machine carries out in one go. */
export interface Shard {
  readonly v: number;
  readonly id: string;
  /** Entries that it must hold. */
  readonly entries: number;
  readonly tasks: readonly Task[];
}

/** What became of one of a shard's tasks. */
export interface ResultMessage {
  readonly v: number;
  readonly shard: string;
  readonly machine: string;
  readonly result: TaskResult;
}

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const count = z
  .int()
  .min(0)
  .max(2 ** 40);
const numbers = z.array(z.number()).max(1 << 20);
const typed = z.custom<ArrayBufferView>((value) => ArrayBuffer.isView(value));
const floats = z.instanceof(Float32Array);

/** A file's place in a folder: never outside it. */
const place = z
  .string()
  .min(1)
  .max(512)
  .refine((name) => !/^[/\\]|^[a-zA-Z]:|(^|[/\\])\.\.([/\\]|$)|\0/.test(name), 'must lie in its folder');

const travelling = z.object({
  main: z.union([place, z.literal('')]),
  files: z
    .array(z.object({ name: place, bytes: count, sha256: hex(64) }))
    .min(1)
    .max(10_000),
});

const plugin = z.object({
  path: z.string().max(4096),
  package: z.string().regex(/^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]{0,200}$/),
  version: z.string().max(256),
  file: place,
  sha256: hex(64),
});

const input = z.looseObject({
  name: z.string(),
  type: z.string(),
  shape: z.array(count).max(16),
  size: count,
});
const form = z.looseObject({ key: z.string(), inputs: z.array(input).max(256) });
const testcase = z.looseObject({ form, columns: z.array(typed).max(256) });

const bundle = z.looseObject({
  count,
  forms: z.array(form).max(1 << 16),
  formOf: z.instanceof(Uint16Array),
  columns: z.array(typed).max(256),
  activations: floats,
});

const descriptor = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  version: z.string().max(64),
  session: hex(32),
  name: z.string().max(512),
  setup: z.looseObject({ warm: testcase, batch: count, points: z.array(z.unknown()) }),
  load: z.looseObject({ runtime: z.enum(['tensorflow', 'wasm', 'cpu', 'onnx']) }),
  timeout: z.number().positive(),
  sha256: hex(64),
  model: travelling,
  copy: travelling.optional(),
  files: z.array(travelling.extend({ path: z.string().max(4096) })).max(64),
  plugins: z.array(plugin).max(64),
  width: count,
  trials: z.array(z.looseObject({ data: testcase, activations: floats })).max(64),
});

const entries = z.looseObject({
  v: z.literal(MESSAGE_VERSION),
  from: count,
  parcels: bundle.extend({ entries: numbers, ancestors: numbers, references: numbers }),
});

const task = z.looseObject({
  number: count,
  execsBefore: count,
  mutants: count.max(1 << 24),
  parents: numbers,
  mates: numbers,
  chains: numbers,
  saturated: z.array(z.string()).max(1 << 16),
  indexed: count,
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
  candidates: bundle.extend({ picks: numbers, outcomes: numbers }),
  hits: z.array(hit).max(1 << 16),
  counts: z.array(z.looseObject({ signature: z.string().max(512), hits: count })).max(1 << 16),
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

function checked<T>(schema: z.ZodType, what: string): (message: unknown) => T {
  return (message) => {
    const parsed = schema.safeParse(message);
    if (parsed.success) return message as T;
    const { path, message: why } = parsed.error.issues[0];
    throw new UserError(`${what} on the queue is none of ours: ${path.map(String).join('.')}: ${why}`);
  };
}

export const checkDescriptor = checked<Descriptor>(descriptor, 'a campaign');
export const checkEntries = checked<Entries>(entries, 'a part of a corpus');
export const checkShard = checked<Shard>(shard, 'a shard');
export const checkResult = checked<ResultMessage>(resultMessage, 'a result');
