import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { MUTATOR_GROUPS } from '../../src/mutators/registry.ts';

const page = readFileSync('docs/mutators.md', 'utf8');

test('docs/mutators.md tells of every mutator as the registry does, with a picture where it is for pictures', () => {
  for (const { kinds } of MUTATOR_GROUPS) {
    for (const { name, help, domains, parameters } of kinds) {
      expect(page).toContain(`| \`${name}\` | ${help}`);
      for (const one of domains.includes('image') ? [] : parameters)
        expect(page).toContain(`\`${one.name}=${one.default}\`: ${one.help}`);
      if (!domains.includes('image')) continue;
      expect(page).toContain(`(images/${name}.png)`);
      expect(existsSync(`docs/images/${name}.png`)).toBe(true);
    }
  }
});

test('the module that docs/mutators.md shows is the example that is run', () => {
  expect(page).toContain(readFileSync('examples/wave.js', 'utf8'));
});
