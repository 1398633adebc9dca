import type { CampaignConfig } from '../../config/schema.ts';
import { type ImageFormat, resolveImageFormat } from '../../inputs/image.ts';
import type { Range } from '../../inputs/range.ts';
import { type InputSettings, rangeWithoutSeeds } from './input-settings.ts';
import type { Notices } from './model-settings.ts';
import { isConstant, isMaskOfSeeds, rangeOfSeeds, spanOfSeeds } from './ranges.ts';
import type { SeedSet } from './resolve-seeds.ts';
import { describeTable, resolveTable, type Table } from './tables.ts';

/** Legal values of each input, in the model's order. */
export interface InputRanges {
  readonly ranges: readonly Range[];
  /** Undefined for an input that is no table. */
  readonly tables: readonly (Table | undefined)[];
  /** Undefined for an input that takes no images. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  /** Whether an input keeps the values of its seeds: on request, or since they are the same in all of them. */
  readonly isKept: readonly boolean[];
}

/**
 * Infers the legal values of inputs from their seeds where the settings do not declare them.
 *
 * @param mutatorSetting where mutators are requested by name, an input that is the same in all seeds is an error
 * @throws UserError where an input's range cannot be inferred, or columns do not fit it
 */
export function inferRanges(
  settings: InputSettings,
  seedSet: SeedSet,
  mutatorSetting: CampaignConfig['mutator'],
  notices: Notices,
): InputRanges {
  const { testcaseInputs, inferredInputs, declaredRanges, preprocess, requestedMutators } = settings;
  const { seeds, areGiven } = seedSet;
  const tables = inferTables(settings, seedSet, notices);
  const isKept = requestedMutators.map((requested) => requested === 'none');
  const ranges = testcaseInputs.map((input, i) => {
    const table = tables[i];
    if (table !== undefined) return table.range;
    if (declaredRanges.has(input.name) || !areGiven) return rangeWithoutSeeds(settings, i);
    if (inferredInputs[i].kind === 'mask' && !isKept[i]) {
      if (isMaskOfSeeds(input, seeds, i)) return inferredInputs[i].range;
      // Other values mean more than "masked": what may follow what is not known.
      if (inferredInputs[i].maskedSites !== undefined && requestedMutators[i] === 'default') isKept[i] = true;
    }
    const ids = lookedUpIds(settings, seeds, i);
    if (ids !== undefined && !isKept[i] && !(mutatorSetting === undefined && isConstant(input, seeds, i)))
      return ids;
    const isMutated = isKept.map((kept) => !kept);
    const { range, stays } = rangeOfSeeds(input, seeds, i, isMutated, requestedMutators[i] !== 'default');
    if (stays && isMutated[i]) {
      isKept[i] = true;
      notices.info(`input ${input.name} is the same in all seeds and stays unchanged; --range mutates it`);
    }
    return range;
  });
  const imageFormats = testcaseInputs.map((input, i) => {
    const ofPictures = preprocess.get(input.name);
    const takesImages = ofPictures !== undefined || inferredInputs[i].kind === 'image';
    return takesImages ? resolveImageFormat(input, ofPictures, [ranges[i].low, ranges[i].high]) : undefined;
  });
  return { ranges, tables, imageFormats, isKept };
}

/** The rows of the table that an input looks up, and what seeds have beside them; undefined for other inputs. */
function lookedUpIds(
  { testcaseInputs, inferredInputs }: Pick<InputSettings, 'testcaseInputs' | 'inferredInputs'>,
  seeds: SeedSet['seeds'],
  i: number,
): Range | undefined {
  const { isFromModel, range } = inferredInputs[i];
  if (!isFromModel || testcaseInputs[i].strings !== undefined) return undefined;
  const span = spanOfSeeds(testcaseInputs[i], seeds, i) ?? range;
  return { low: Math.min(range.low, span.low), high: Math.max(range.high, span.high) };
}

function inferTables(
  settings: InputSettings,
  { seeds, areGiven }: SeedSet,
  notices: Notices,
): (Table | undefined)[] {
  const { testcaseInputs, tokens, requestedMutators, declaredRanges, requestedTables } = settings;
  const tables = testcaseInputs.map((input, i) =>
    tokens[i] === undefined && requestedMutators[i] !== 'none'
      ? resolveTable(input, i, seeds, areGiven, {
          declared: declaredRanges.get(input.name),
          ids: areGiven ? lookedUpIds(settings, seeds, i) : undefined,
          requested: requestedTables[i],
        })
      : undefined,
  );
  tables.forEach((table, i) => {
    if (table !== undefined)
      notices.info(
        `input ${testcaseInputs[i].name} is a table: ${describeTable(table)}; --table none treats its columns as plain numbers`,
      );
  });
  return tables;
}
