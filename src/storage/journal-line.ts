import { crc32Hex } from '../core/checksum.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';

/** Version of a journal line with checksums, and of those that older versions wrote. */
const LINE_VERSION = 2;
const LINE_VERSION_WITHOUT_CHECKSUMS = 1;

/** CRC-32 of what belongs to an entry, as eight hex digits. */
export interface EntryChecksums {
  /** Of its testcase's file. */
  readonly file: string;
  /** Of its activations, as bytes in little-endian order. */
  readonly activations: string;
}

/** A journal line. */
export interface JournalLine {
  readonly record: CorpusEntryRecord;
  /** Undefined in lines of older versions. */
  readonly checksums: EntryChecksums | undefined;
}

/** Keys of a record, in their order on disk. */
const RECORD_KEYS = [
  'id',
  'parent',
  'ancestor',
  'reference',
  'generation',
  'mutators',
  'latent',
  'novelty',
  'task',
  'site',
  'outcome',
] as const satisfies readonly (keyof CorpusEntryRecord)[];

/** The end of a line: the checksum of the text before it. */
const CHECKSUM_AT_END = /,"crc32":"([0-9a-f]{8})"\}$/;

/** Serializes a record to a journal line, with the fields in a fixed order. */
export function formatLine(record: CorpusEntryRecord, { file, activations }: EntryChecksums): string {
  const fields = Object.fromEntries(RECORD_KEYS.map((key) => [key, record[key]]));
  const json = JSON.stringify({ v: LINE_VERSION, ...fields, fileCrc32: file, activationsCrc32: activations });
  const head = json.slice(0, -1);
  return `${head},"crc32":"${crc32Hex(head)}"}\n`;
}

/** Parses a journal line; undefined if it is damaged. */
export function parseLine(text: string): JournalLine | undefined {
  let line: Record<string, unknown> | null;
  try {
    line = JSON.parse(text) as typeof line;
  } catch {
    return undefined;
  }
  if (line === null || !isRecord(line)) return undefined;
  const record = Object.fromEntries(
    RECORD_KEYS.flatMap((key) => (line[key] === undefined ? [] : [[key, line[key]]])),
  ) as unknown as CorpusEntryRecord;
  if (line.v === LINE_VERSION_WITHOUT_CHECKSUMS) return { record, checksums: undefined };
  const { v, fileCrc32: file, activationsCrc32: activations } = line;
  const end = CHECKSUM_AT_END.exec(text);
  const isIntact = v === LINE_VERSION && end !== null && crc32Hex(text.slice(0, end.index)) === end[1];
  if (!isIntact || typeof file !== 'string' || typeof activations !== 'string') return undefined;
  return { record, checksums: { file, activations } };
}

function isRecord(line: Partial<Record<keyof CorpusEntryRecord, unknown>>): boolean {
  return (
    typeof line.id === 'string' &&
    /^[0-9a-f]{16}$/.test(line.id) &&
    typeof line.ancestor === 'string' &&
    typeof line.generation === 'number' &&
    typeof line.task === 'number' &&
    typeof line.outcome === 'number' &&
    (line.reference === undefined || typeof line.reference === 'string') &&
    Array.isArray(line.mutators) &&
    (line.parent === null || typeof line.parent === 'string') &&
    (line.novelty === null || typeof line.novelty === 'number')
  );
}
