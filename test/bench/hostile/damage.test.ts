import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { changedBytes, damageFolder } from '../../../bench/hostile/damage.ts';
import { randomStream } from '../../../src/core/random.ts';
import { testFolder } from '../../support/folder.ts';

describe('changedBytes', () => {
  it('differs from what was given, and is the same for the same draws', () => {
    for (let trial = 0; trial < 500; trial++) {
      const bytes = Uint8Array.from({ length: trial % 40 }, (_, i) => i);
      const changed = changedBytes(bytes, randomStream('changed', trial));
      expect(Buffer.compare(changed, bytes)).not.toBe(0);
      expect(changedBytes(bytes, randomStream('changed', trial))).toEqual(changed);
    }
  });
});

describe('damageFolder', () => {
  const root = testFolder();

  it('damages one file, in each way and of each kind', () => {
    const damages = new Set<string>();
    for (let trial = 0; trial < 200; trial++) {
      const folder = join(root, String(trial));
      mkdirSync(join(folder, 'corpus'), { recursive: true });
      const files = ['campaign.yaml', 'corpus/0123456789abcdef.npz', 'corpus/fedcba9876543210.npz'];
      for (const file of files) writeFileSync(join(folder, file), `content of ${file}`);
      const { kind, file } = damageFolder(folder, randomStream('damage', trial));
      damages.add(kind).add(file);
      for (const name of files)
        if (name !== file) expect(readFileSync(join(folder, name), 'utf8')).toBe(`content of ${name}`);
    }
    expect(damages.size).toBe(7 + 3);
  });
});
