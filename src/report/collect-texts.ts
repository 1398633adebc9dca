import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { stringsText } from '../inputs/strings/strings-text.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { PROMPT } from '../model/language/generation.ts';
import { readTokenizer, type Tokenizer } from '../model/language/tokenizer.ts';
import { TEXT_FILE } from '../storage/finding-files.ts';
import { VALUE_ROLES, type ValueRoles } from '../storage/value-roles.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { LocatedFinding } from '../triage/findings.ts';
import { textDifference } from './text-difference.ts';
import type { TextPiece, TextView } from './view-model.ts';

/** Maximum number of characters of a text that are shown before, within and after the marked part. */
const MAX_CHARACTERS = 2_000;

export interface CollectTextsOptions {
  readonly config: CampaignConfig;
  readonly testcase: TestcaseData | undefined;
  readonly seed: TestcaseData | undefined;
  /** What a language model answers to the seed; undefined if it was not run. */
  readonly seedAnswer: string | undefined;
  /** Which values of the testcase the fault depends on; undefined if that is not recorded. */
  readonly roles: ValueRoles | undefined;
}

/** The texts of a finding: its prompt or input with the edits of the seed's, answers, and the tokens that matter. */
export async function collectTexts(
  { folder, finding }: LocatedFinding,
  options: CollectTextsOptions,
): Promise<TextView[]> {
  const { config, testcase, seed, seedAnswer, roles } = options;
  const tokens = await readTokens(config, testcase);
  const seedText = seed === undefined ? undefined : testcaseText(seed, tokens);
  const { prompt, answer, from, to } = finding.violation.details;
  const views: TextView[] = [];
  if (typeof prompt === 'string' && typeof answer === 'string') {
    const [start, end] = typeof from === 'number' && typeof to === 'number' ? [from, to] : [0, 0];
    views.push(comparedText('Prompt', seedText, prompt));
    views.push({ label: 'Answer', pieces: excerpt(answer, start, end) });
    if (seedAnswer !== undefined)
      views.push({ label: 'Answer to the seed', pieces: excerpt(seedAnswer, 0, 0) });
  } else {
    const text = await readFile(join(folder, TEXT_FILE), 'utf8').catch(() => undefined);
    if (text !== undefined) views.push(comparedText('Input as text', seedText, text));
  }
  const roleView = tokens && testcase && roles ? tokenRoles(testcase, tokens, roles) : undefined;
  return roleView === undefined ? views : [...views, roleView];
}

/** A text with the edits that make it of the seed's; without them if the seed's is not known, or equal. */
function comparedText(label: string, seedText: string | undefined, text: string): TextView {
  const pieces = seedText === undefined || seedText === text ? undefined : textDifference(seedText, text);
  if (pieces === undefined) return { label, pieces: excerpt(text, 0, 0) };
  return { label: `${label}, compared with the seed`, pieces };
}

/** Splits a text at the marked part and shortens each of the three pieces. */
function excerpt(text: string, from: number, to: number): TextPiece[] {
  const before = text.slice(0, from);
  const after = text.slice(to);
  const pieces: readonly TextPiece[] = [
    {
      kind: 'same',
      text: before.length > MAX_CHARACTERS ? `…${before.slice(-MAX_CHARACTERS)}` : before,
    },
    { kind: 'marked', text: text.slice(from, Math.min(to, from + MAX_CHARACTERS)) },
    { kind: 'same', text: after.length > MAX_CHARACTERS ? `${after.slice(0, MAX_CHARACTERS)}…` : after },
  ];
  return pieces.filter((piece) => piece.text !== '');
}

/** The input that holds the tokens of a text, and their tokenizer. */
interface TokenInput {
  readonly input: number;
  readonly tokenizer: Tokenizer;
}

async function readTokens(
  { generate, tokens }: CampaignConfig,
  testcase: TestcaseData | undefined,
): Promise<TokenInput | undefined> {
  const names = testcase?.form.inputs.map(({ name }) => name) ?? [];
  const vocabularies = names.map((name) =>
    generate !== undefined && name === PROMPT ? generate.vocabulary : tokens?.[name]?.vocabulary,
  );
  const input = vocabularies.findIndex((vocabulary) => vocabulary !== undefined);
  const vocabulary = vocabularies[input];
  if (vocabulary === undefined) return undefined;
  try {
    return { input, tokenizer: await readTokenizer(vocabulary) };
  } catch (error) {
    // Without its vocabulary a finding has the texts alone that were recorded.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function testcaseText(testcase: TestcaseData, tokens: TokenInput | undefined): string | undefined {
  if (tokens !== undefined) return tokens.tokenizer.decode(idsOf(testcase, tokens).filter((id) => id >= 0));
  return testcase.form.inputs.some(({ isString }) => isString) ? stringsText(testcase) : undefined;
}

function idsOf({ form, inputs }: TestcaseData, { input }: TokenInput): number[] {
  const { type, size } = form.inputs[input];
  return Array.from({ length: size }, (_, i) => readNumber(type, inputs[input], i));
}

/** Tokens by whether the fault depends on them; undefined if none is free. */
function tokenRoles(testcase: TestcaseData, tokens: TokenInput, roles: ValueRoles): TextView | undefined {
  const ids = idsOf(testcase, tokens);
  const roleOf = roles[tokens.input];
  if (!roleOf.includes(VALUE_ROLES.free)) return undefined;
  const pieces = ids.flatMap((id, i): TextPiece[] =>
    id < 0
      ? []
      : [
          {
            kind:
              roleOf[i] === VALUE_ROLES.free ? 'free' : roleOf[i] === VALUE_ROLES.needed ? 'marked' : 'same',
            text: tokens.tokenizer.decode([id]),
          },
        ],
  );
  return { label: 'Tokens that matter (struck through: any other token gives the same fault)', pieces };
}
