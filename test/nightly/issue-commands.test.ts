import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hasControl } from '../../src/core/escape-control.ts';
import { issueCommands } from '../../src/nightly/issue-commands.ts';
import { commentMarker, commentText } from '../../src/report/comment.ts';
import { testFolder } from '../support/folder.ts';
import { largeNight, reportedCampaign, reportedFault } from '../support/night.ts';

/** What a shell, jq and Markdown act on. */
const HOSTILE = `'; touch hacked; '"$(touch hacked)\`touch hacked\`\\(.x)" <img src=x onerror=alert(1)> @me #1 | \u202E\u001b[31m\nfi`;

const folder = testFolder();

/** Runs lines in a shell where `gh` writes down its arguments, and lists an issue if it is told to; returns the arguments. */
function runCommands(lines: readonly string[], listed = ''): string[][] {
  const [bin, calls] = [join(folder, 'bin'), join(folder, 'calls')];
  mkdirSync(bin, { recursive: true });
  writeFileSync(calls, '');
  writeFileSync(
    join(bin, 'gh'),
    `#!/bin/sh\nfor arg in "$@"; do printf '%s\\0' "$arg" >> '${calls}'; done\nprintf '\\1' >> '${calls}'\n[ "$2" = list ] && printf '%s' '${listed}'\nexit 0\n`,
  );
  chmodSync(join(bin, 'gh'), 0o755);
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const { status, stderr } = spawnSync('sh', ['-e'], {
    cwd: folder,
    env,
    input: lines.join('\n'),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return readFileSync(calls, 'utf8')
    .split('\u0001')
    .filter(Boolean)
    .map((call) => call.split('\0').slice(0, -1));
}

describe('the commands for issues', () => {
  const { campaigns, added } = largeNight();

  test('open an issue for the new fault and close those of fixed ones', () => {
    const calls = runCommands(issueCommands('2026-11-29-3', campaigns));
    expect(calls.map(([, command]) => command)).toEqual(['create', 'list', 'create', 'list', 'list']);
    const [, , created] = calls;
    expect(created.slice(0, 5)).toEqual([
      'issue',
      'create',
      '--title',
      'neurofuzz: speech-17: nonfinite-nan-div',
      '--label',
    ]);
    const body = created.at(-1) ?? '';
    expect(body.split('\n')[0]).toBe('Found by neurofuzz: 29 November 2026, third run');
    for (const part of [added.replay, added.input, added.summary]) expect(body).toContain(part);
  });

  test('reopen an issue that exists, and close one by its number', () => {
    const calls = runCommands(issueCommands('2026-11-29', campaigns), '7');
    expect(calls.filter(([, command]) => command === 'create')).toHaveLength(1);
    expect(calls.filter(([, command]) => command !== 'list' && command !== 'create')).toEqual([
      ['issue', 'reopen', '7', '--comment', 'Found again: 29 November 2026'],
      ...[1, 2].map(() => [
        'issue',
        'close',
        '7',
        '--comment',
        'Fixed: not found any more on 29 November 2026',
      ]),
    ]);
    const [, list] = calls;
    expect(list.at(-1)).toBe(
      'map(select(.title == "neurofuzz: speech-17: nonfinite-nan-div"))[0].number // empty',
    );
  });

  test('say so where there is nothing to do', () => {
    const lines = issueCommands('2026-11-29', [reportedCampaign('digits')]);
    expect(lines).toEqual(['# 29 November 2026: no new and no fixed faults']);
    expect(runCommands(lines)).toEqual([]);
  });

  test('names of strangers stay text, in the shell, for jq and in Markdown', () => {
    const change = { signature: HOSTILE, summary: HOSTILE, path: HOSTILE, input: HOSTILE, replay: HOSTILE };
    const fixed = [{ signature: HOSTILE, objective: HOSTILE, summary: HOSTILE, firstSeen: null }];
    const campaign = reportedCampaign(HOSTILE, {
      faults: [reportedFault('x', { ...change, state: 'new' })],
      fixed,
    });
    const calls = runCommands(issueCommands(HOSTILE, [campaign]));
    expect(existsSync(join(folder, 'hacked'))).toBe(false);
    expect(calls.map(([, command]) => command)).toEqual(['create', 'list', 'create', 'list']);
    const title = calls[2][3];
    expect(title).toMatch(/^neurofuzz: '; touch hacked; /);
    expect(JSON.parse(/== (".*"\)\))\[0\]/.exec(calls[1].at(-1) ?? '')?.[1].slice(0, -2) ?? '')).toBe(title);
    const body = calls[2].at(-1) ?? '';
    expect(hasControl(body.replaceAll('\n', ''))).toBe(false);
    expect(body.replace(/`+[^`].*?`+|^```[\s\S]*?^```/gm, '')).not.toMatch(/<img|@me|[^\\]#1/);
  });
});

describe('the comment on a pull request', () => {
  const { campaigns, failures, added } = largeNight();

  test('begins with a marker that stays, and has the new fault first', () => {
    const text = commentText('neurofuzz nightly', campaigns, failures);
    expect(text.split('\n').slice(0, 4)).toEqual([
      '<!-- neurofuzz-comment: neurofuzz-nightly -->',
      '**neurofuzz: 1 new fault, 1 campaign could not run, 50 known, 2 fixed** in 20 campaigns',
      '',
      '### New: speech-17: `nonfinite-nan-div`',
    ]);
    expect(text).toContain(added.replay);
    expect(text).toContain('Fixed: `nonfinite-inf-exp` (`speech-1`), `nonfinite-inf-exp` (`vision-2`)');
    expect(text.split('\n').length).toBeLessThan(25);
    expect(commentMarker('-->\u202E')).toBe('<!-- neurofuzz-comment: report -->');
  });

  test('fits what GitHub takes, whatever the faults say', () => {
    const long = 'x'.repeat(20_000);
    const faults = Array.from({ length: 30 }, (_, i) =>
      reportedFault('a', {
        signature: `s-${i}`,
        state: 'new',
        summary: long,
        path: long,
        input: long,
        replay: long,
      }),
    );
    const text = commentText('night', [reportedCampaign('a', { faults })]);
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain('30 new faults');
    expect(text).toMatch(/\d+ more new faults: see the report\./);
  });
});
