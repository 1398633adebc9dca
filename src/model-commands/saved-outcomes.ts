import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { AttackedInput, AttackOutcome } from '../attacks/attack.ts';
import type { AttackRequest } from '../attacks/run-attack.ts';
import { makeFolder, writeAtomically } from '../core/atomic-file.ts';
import { VERSION } from '../core/package-files.ts';
import { testcaseId } from '../inputs/testcase.ts';

const SEED_FILE = 'seed.txt';

/**
 * Outcomes of attacks on some inputs each, in files beside the campaign's folder until that is written: a command that was
 * interrupted goes on from there. A file's name is a digest of all that its outcomes depend on, so that other settings find none.
 */
export class SavedOutcomes {
  readonly #folder: string;
  readonly #model: unknown;
  #reused = 0;

  /**
   * @param folder of the files
   * @param model what the outcomes depend on beside the request
   */
  constructor(folder: string, model: unknown) {
    this.#folder = folder;
    this.#model = model;
  }

  /** The master seed of the command that was interrupted; undefined without one. */
  static async seedIn(folder: string): Promise<string | undefined> {
    const text = await readFile(join(folder, SEED_FILE), 'utf8').catch(() => undefined);
    return text?.trim() === '' ? undefined : text?.trim();
  }

  /** Makes the folder, and records the master seed there. */
  async begin(seed: string): Promise<void> {
    await makeFolder(this.#folder, 'the folder of finished attacks');
    await writeAtomically(join(this.#folder, SEED_FILE), `${seed}\n`);
  }

  /** Requests whose outcomes were there. */
  get reused(): number {
    return this.#reused;
  }

  /** The outcomes of a request: those that were saved, else those that an attack finds, which are saved. */
  async get(
    request: AttackRequest,
    attack: () => Promise<readonly AttackOutcome[]>,
  ): Promise<readonly AttackOutcome[]> {
    const path = join(this.#folder, `${this.#digest(request)}.bin`);
    const saved = await readOutcomes(path, request.inputs);
    if (saved !== undefined) {
      this.#reused++;
      return saved;
    }
    const outcomes = await attack();
    await writeAtomically(path, serialize(outcomes));
    return outcomes;
  }

  /** Removes the files. */
  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }

  #digest({ attack, inputs, context, rule }: AttackRequest): string {
    const seen = inputs.map(({ index, label, data, rival }) => [
      index,
      label,
      testcaseId(data),
      rival === undefined ? '' : testcaseId(rival),
    ]);
    return createHash('sha256')
      .update(JSON.stringify([VERSION, this.#model, attack, context, rule, seen]))
      .digest('hex')
      .slice(0, 32);
  }
}

/** The outcomes of a file; undefined where it is not there, or does not hold outcomes of these inputs. */
async function readOutcomes(
  path: string,
  inputs: readonly AttackedInput[],
): Promise<readonly AttackOutcome[] | undefined> {
  try {
    const outcomes: unknown = deserialize(await readFile(path));
    return Array.isArray(outcomes) && outcomes.length === inputs.length && outcomes.every(isOutcome)
      ? outcomes
      : undefined;
  } catch {
    return undefined;
  }
}

function isOutcome(value: unknown): value is AttackOutcome {
  return (
    typeof value === 'object' && value !== null && 'data' in value && 'answer' in value && 'queries' in value
  );
}
