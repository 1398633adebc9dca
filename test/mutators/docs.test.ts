import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { describeBounds } from '../../src/extensions/parameters.ts';
import { MUTATOR_GROUPS, MUTATORS } from '../../src/mutators/registry.ts';

const page = readFileSync('docs/mutators.md', 'utf8');

test('docs/mutators.md tells of every mutator as the registry does, with a picture where it is for pictures', () => {
  for (const { name: group, kinds } of MUTATOR_GROUPS) {
    for (const { name, help, domains, parameters } of kinds) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` | ${help}`));
      expect([name, row]).toEqual([name, expect.any(String)]);
      // All corruptions have the same parameter, which stands above their table.
      for (const parameter of group === 'corruptions' ? [] : parameters)
        expect(row).toContain(
          `\`${parameter.name}=${parameter.default}\`: ${parameter.help}, ${describeBounds(parameter)}`,
        );
      if (!domains.includes('image')) continue;
      expect(page).toContain(`(images/${name}.png)`);
      expect(existsSync(`docs/images/${name}.png`)).toBe(true);
    }
  }
});

test('the module that docs/mutators.md shows is the example that is run', () => {
  expect(page).toContain(readFileSync('examples/wave.js', 'utf8'));
});

test('docs/campaigns.md says how many mutators there are', () => {
  expect(readFileSync('docs/campaigns.md', 'utf8')).toContain(
    `${MUTATORS.list().length} mutators for numbers`,
  );
});
