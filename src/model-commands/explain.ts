import { randomBytes } from 'node:crypto';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import type { ModelInfo } from '../model/model.ts';
import { isEmpty } from '../saliency/map.ts';
import type { Explanation } from '../saliency/method.ts';
import { modelPath } from '../storage/load-options.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { availableCores } from '../workers/resource-limits.ts';
import { type ExplainOptions, noteLeftOut, type Prepared, prepareExplaining } from './explained-inputs.ts';
import { withSessions } from './with-sessions.ts';

/** Version of the object that `explain --json` prints. */
const EXPLAIN_VERSION = 1;

/** Inputs that are explained together, whatever the number of workers. */
const CHUNK_INPUTS = 4;

/** What a method says of one input. */
export interface MethodMap {
  readonly name: string;
  /** Why there is no map; null where there is one. */
  readonly refusal: string | null;
  /** Distance of a map's sum from what it should be, as a share; null for methods that have none. */
  readonly gap: number | null;
  /** Smallest share of the places that hold half of the map's magnitude; null where the map is flat. */
  readonly halfIn: number | null;
  /** The place with the largest magnitude: row and column of a picture, or the place alone. */
  readonly peak: readonly number[] | null;
  /** Of inputs that are not pictures, the value of each place. */
  readonly values: readonly number[] | null;
}

/** One explained input. */
export interface InputRow {
  /** Its number among the seeds. */
  readonly index: number;
  /** The class whose score is explained, the one that the model gives, and that of `--labels`; null where that is not known. */
  readonly class: number;
  readonly predicted: number;
  readonly label: number | null;
  /** Names of the places of an input that is not a picture: columns, or the texts of tokens. */
  readonly places: readonly string[] | null;
  readonly methods: readonly MethodMap[];
}

/** Result of `explain`. */
export interface ExplainReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly seed: string;
  readonly scores: string;
  readonly inputs: readonly InputRow[];
  readonly notOffered: Prepared['notOffered'];
}

/** What `explain` found. */
export interface ExplainResult {
  readonly report: ExplainReport;
  readonly prepared: Prepared;
  /** By method, an explanation for each input. */
  readonly explanations: ReadonlyMap<string, readonly Explanation[]>;
}

/**
 * Says by some methods which places of each input the score of a class depends on.
 *
 * @throws UserError where nothing can be explained
 */
export async function explain(
  config: CampaignConfig,
  options: ExplainOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<ExplainResult> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to explain: set --seeds');
  const seed = config.seed ?? randomBytes(8).toString('hex');
  return withSessions(config, config.jobs ?? availableCores(), async (sessions) => {
    const [{ info }] = sessions;
    const prepared = await prepareExplaining(sessions[0], { ...config, seed }, options, notices);
    noteLeftOut(prepared, notices);
    const explanations = await explainAll(sessions, prepared, onProgress);
    const { format, sha256 } = info;
    const report: ExplainReport = {
      formatVersion: EXPLAIN_VERSION,
      model: { path: modelPath(config).asGiven, format, sha256 },
      seed,
      scores: prepared.context.scores,
      inputs: prepared.inputs.map((_, i) => rowOf(prepared, explanations, i)),
      notOffered: prepared.notOffered,
    };
    return { report, prepared, explanations };
  });
}

async function explainAll(
  sessions: readonly ModelSession[],
  { inputs, methods, context }: Prepared,
  onProgress: OnProgress,
): Promise<ReadonlyMap<string, readonly Explanation[]>> {
  const explanations = new Map(methods.map((name) => [name, new Array<Explanation>(inputs.length)]));
  const report = (done: number): void =>
    onProgress({ label: 'explaining', done, total: inputs.length, unit: 'input' });
  let next = 0;
  let done = 0;
  report(0);
  await Promise.all(
    sessions.map(async (session) => {
      while (next < inputs.length) {
        const from = next;
        next += CHUNK_INPUTS;
        const chunk = inputs.slice(from, next);
        const found = await session.explain({ inputs: chunk, methods, context, draws: 'first' });
        for (const [name, of] of Object.entries(found))
          of.forEach((explanation, i) => {
            explanations.get(name)?.splice(from + i, 1, explanation);
          });
        done += chunk.length;
        report(done);
      }
    }),
  );
  return explanations;
}

function rowOf(
  prepared: Prepared,
  explanations: ReadonlyMap<string, readonly Explanation[]>,
  i: number,
): InputRow {
  const { index, classIndex } = prepared.inputs[i];
  const { picture } = prepared.context.descriptor;
  const label = prepared.labels?.[index] ?? -1;
  const { shape } = prepared.inputs[i].data.form.inputs[prepared.context.position];
  const places = countPlaces(prepared, i);
  const width = picture === undefined ? undefined : picture.channelsFirst ? shape.at(-1) : shape[1];
  return {
    index,
    class: classIndex,
    predicted: prepared.predicted[index],
    label: label >= 0 ? label : null,
    places: picture === undefined ? placeNames(prepared, i, places) : null,
    methods: [...explanations].map(([name, of]) => methodMap(name, of[i], width, places)),
  };
}

/**
 * @param width of a picture; undefined for other inputs
 * @param places those in front of the padding
 */
function methodMap(
  name: string,
  explanation: Explanation,
  width: number | undefined,
  places: number,
): MethodMap {
  if (!('map' in explanation))
    return { name, refusal: explanation.refusal, gap: null, halfIn: null, peak: null, values: null };
  const { map, gap = null } = explanation;
  const values = width === undefined ? Array.from(map.signed.subarray(0, places)) : null;
  if (isEmpty(map)) return { name, refusal: 'the map is flat', gap, halfIn: null, peak: null, values };
  const peak = map.magnitude.indexOf(map.magnitude.reduce((most, value) => Math.max(most, value)));
  return {
    name,
    refusal: null,
    gap,
    halfIn: shareOfHalf(map.magnitude),
    peak: width === undefined ? [peak] : [Math.floor(peak / width), peak % width],
    values,
  };
}

/** The smallest share of the values that add up to half of all. */
function shareOfHalf(magnitude: Float32Array): number {
  const sorted = Float64Array.from(magnitude).sort().reverse();
  const half = sorted.reduce((sum, value) => sum + value, 0) / 2;
  let sum = 0;
  const count = sorted.findIndex((value) => {
    sum += value;
    return sum >= half;
  });
  return (count + 1) / sorted.length;
}

/** Number of the input's values; of tokens, those in front of the padding, one at least. */
function countPlaces({ context: { descriptor, position }, inputs }: Prepared, i: number): number {
  const { data } = inputs[i];
  const { type, size } = data.form.inputs[position];
  const { tokens } = descriptor;
  let count = size;
  if (tokens === undefined) return count;
  const isPadding = (id: number): boolean => id === tokens.pad || id < 0;
  while (count > 1 && isPadding(readNumber(type, data.inputs[position], count - 1))) count--;
  return count;
}

/** Numbers of the places, or texts of tokens. */
function placeNames(
  { context: { descriptor, position }, inputs }: Prepared,
  i: number,
  places: number,
): string[] {
  const { data } = inputs[i];
  const { type } = data.form.inputs[position];
  const { tokens } = descriptor;
  return Array.from({ length: places }, (_, place) => {
    if (tokens === undefined) return `${place}`;
    const id = readNumber(type, data.inputs[position], place);
    return tokens.vocabulary?.[id] ?? `${id}`;
  });
}
