import { basename } from 'node:path';
import { verifyChecksum } from '../core/checksum.ts';
import type { SignatureRecord } from './finding.ts';

/** Keys of a record; a key beside them is a damaged one. */
const KEYS = new Set<string>([
  'formatVersion',
  'signatureVersion',
  'signature',
  'objective',
  'summary',
  'firstTask',
  'firstExecs',
  'hits',
  'crc32',
] satisfies (keyof SignatureRecord | 'crc32')[]);

/**
 * Parses signature.json.
 *
 * @param folder path of the folder that it lies in, which is named after its signature
 * @returns undefined if it is damaged, or another fault's
 */
export function parseSignature(text: string, folder: string): SignatureRecord | undefined {
  if (verifyChecksum(text) === 'damaged') return undefined;
  try {
    const record = JSON.parse(text) as Partial<SignatureRecord> | null;
    const isValid =
      record !== null &&
      record.signature === basename(folder) &&
      Number.isInteger(record.hits) &&
      Object.keys(record).every((key) => KEYS.has(key));
    return isValid ? (record as SignatureRecord) : undefined;
  } catch {
    return undefined;
  }
}
