import { measureDistance } from '../../constraints/distance.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { lineageOf, type MutantOrigin } from '../../fuzzer/corpus/lineage.ts';
import type { Hit } from '../../fuzzer/scheduling/task.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { SIGNATURE_VERSION } from '../../objectives/objective.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import { type Finding, FORMAT_VERSION, findingFolder } from '../../storage/finding.ts';
import type { HitConfirmer } from './confirm.ts';
import type { FaultRegistry, StoredFinding } from './fault-registry.ts';
import { renderFindingArtifacts } from './finding-artifacts.ts';

export interface FindingWriterOptions {
  readonly store: CampaignStore;
  readonly faults: FaultRegistry;
  readonly confirmer: HitConfirmer;
  /** The model as findings name it. */
  readonly model: Finding['model'];
  /** The second model of a pair, likewise. */
  readonly secondModel?: Finding['model'];
  readonly masterSeed: string;
  /** Of each input, how its values map to pixels; undefined for inputs that are not images. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  /** Id of the positions without a token, for each input; undefined for inputs that have none. */
  readonly padIds: readonly (number | undefined)[];
  /** A testcase as text; undefined if it is none. */
  readonly textOf: (testcase: TestcaseData) => string | undefined;
}

/** Confirms hits and writes those that are findings to disk. */
export class FindingWriter {
  readonly #options: FindingWriterOptions;

  constructor(options: FindingWriterOptions) {
    this.#options = options;
  }

  /**
   * Confirms hits and writes them to disk, except those of signatures with enough findings there. Changes nothing but the
   * disk: the caller registers the returned findings.
   *
   * @param task number of the task that found them; 0 for seeds and imports
   * @param originOf a hit's lineage; undefined for seeds
   * @param untilFinding whether to stop at the first confirmed finding
   * @throws UserError if the model can't be loaded; ProcessDied if confirming was broken off
   */
  async confirmAndStore(
    hits: readonly Hit[],
    task: number,
    originOf: ((hit: Hit) => MutantOrigin) | undefined,
    untilFinding: boolean,
  ): Promise<StoredFinding[]> {
    const { faults } = this.#options;
    const stored: StoredFinding[] = [];
    for (const hit of hits) {
      const { signature } = hit.violation;
      const id = testcaseId(hit.data);
      const ofSignature = stored.filter(({ finding }) => finding.signature === signature);
      if (faults.isSaturatedWith(signature, ofSignature)) continue;
      if (faults.has(signature, id) || ofSignature.some(({ finding }) => finding.id === id)) continue;
      const finding = await this.#storeOne(hit, id, task, originOf?.(hit));
      stored.push(finding);
      if (untilFinding && finding.finding.status !== 'flaky') break;
    }
    return stored;
  }

  /** Writes signature.json of every fault. */
  async writeSignatures(): Promise<void> {
    const { store, faults } = this.#options;
    for (const { kept, flaky: _flaky, firstSeconds: _seconds, path: _path, ...record } of faults.faults)
      await store.writeSignature(record, kept === 0 || faults.dependsOnMachine(record));
  }

  async #storeOne(
    hit: Hit,
    id: string,
    task: number,
    origin: MutantOrigin | undefined,
  ): Promise<StoredFinding> {
    const { store, faults, confirmer, textOf, imageFormats } = this.#options;
    const { signature } = hit.violation;
    const isApart = faults.dependsOnMachine(hit.violation);
    // A campaign that was killed after it had written the finding comes to it again.
    for (const path of new Set([findingFolder(signature, id, isApart), findingFolder(signature, id, true)])) {
      const finding = await store.readFinding(path);
      if (finding !== undefined) return { finding, path };
    }
    const reference = faults.isTimed(signature) ? origin?.ancestor : undefined;
    const { outputs, ...confirmed } = await confirmer.confirm(hit, reference);
    const severity =
      confirmed.status === 'confirmed' && !isApart ? await confirmer.rateSeverity(hit) : undefined;
    const path = findingFolder(signature, id, isApart || confirmed.status === 'flaky');
    const finding = this.#findingOf(
      hit,
      { id, task, origin, path },
      {
        ...confirmed,
        ...(severity === undefined ? {} : { severity }),
      },
    );
    const artifactData = {
      testcase: hit.data,
      batch: hit.batch.data,
      outputs,
      transformed: hit.transformed,
      reference,
      text: textOf(hit.data),
    };
    await store.writeFinding(
      path,
      finding,
      await renderFindingArtifacts(finding, artifactData, imageFormats),
    );
    return { finding, path };
  }

  /** The record of a finding, its keys in the order of finding.json. */
  #findingOf(
    hit: Hit,
    {
      id,
      task,
      origin,
      path,
    }: {
      readonly id: string;
      readonly task: number;
      readonly origin: MutantOrigin | undefined;
      readonly path: string;
    },
    {
      origin: where,
      summary,
      layerDivergences,
      severity,
      ...confirmation
    }: Omit<Awaited<ReturnType<HitConfirmer['confirm']>>, 'outputs'> & Pick<Finding, 'severity'>,
  ): Finding {
    const { masterSeed, model, secondModel, padIds } = this.#options;
    const { violation } = hit;
    return {
      formatVersion: FORMAT_VERSION,
      ...hitLineage(origin, id),
      signature: violation.signature,
      signatureVersion: SIGNATURE_VERSION,
      objective: violation.objective,
      // Names of tensors come from the model and may hold control characters.
      summary: escapeControl(summary ?? violation.summary),
      violation: { tensors: violation.tensors, details: violation.details },
      model,
      ...(secondModel === undefined ? {} : { copy: secondModel }),
      seed: masterSeed,
      distance: measureDistance(hit.data, origin?.ancestor ?? hit.data, padIds),
      ...(where === undefined ? {} : { origin: where }),
      ...(layerDivergences === undefined ? {} : { departures: layerDivergences }),
      ...(severity === undefined ? {} : { severity }),
      ...(hit.label === undefined ? {} : { label: hit.label }),
      task,
      execs: hit.execs,
      ...confirmation,
      ...(confirmation.status === 'batch-dependent'
        ? { batch: { row: hit.batch.row, rows: hit.batch.rows } }
        : {}),
      replay: `neurofuzz replay ${path}`,
    };
  }
}

/** The lineage of a hit; that of a seed where it was not mutated. */
function hitLineage(origin: MutantOrigin | undefined, id: string): Lineage {
  return origin === undefined
    ? { id, parent: null, ancestor: id, generation: 0, mutators: [] }
    : lineageOf(origin, id);
}
