import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { parseAction } from '@actions/workflow-parser/actions/action-parser';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import './support/command.ts';
import {
  type ActionRun,
  runCompositeAction,
  type StepResult,
  stepSummary,
} from './support/composite-action.ts';
import { testFolder } from './support/folder.ts';
import { matchesPath } from './support/matches-path.ts';

const ACTION = 'action.yml';
const trace = new NoOperationTraceWriter();
const actionFaults = (content: string): string[] =>
  parseAction({ name: ACTION, content }, trace).context.errors.getErrors().map(String);
const workflowFaults = (content: string): string[] =>
  parseWorkflow({ name: 'workflow.yml', content }, trace).context.errors.getErrors().map(String);

test("the action passes the schema of GitHub's own parser, which notices a misspelt key", () => {
  const text = readFileSync(ACTION, 'utf8');
  expect(actionFaults(text)).toEqual([]);
  expect(actionFaults(text.replace('steps:', 'stepps:'))).not.toEqual([]);
  expect(actionFaults(text.replace('shell: bash', 'shel: bash'))).not.toEqual([]);
});

test('so do the example and the workflow in the docs, whose inputs the action has', () => {
  expect(workflowFaults(readFileSync('examples/nightly/github-actions.yml', 'utf8'))).toEqual([]);
  const [, text = ''] =
    /```yaml\n(# \.github\/workflows[\s\S]*?)```/.exec(readFileSync('docs/nightly.md', 'utf8')) ?? [];
  expect(workflowFaults(text)).toEqual([]);
  const { jobs } = parse(text);
  const steps: { uses?: string; with?: object }[] = jobs.nightly.steps;
  const used = steps.find(({ uses }) => uses?.includes('neurofuzz'));
  const { inputs } = parse(readFileSync(ACTION, 'utf8'));
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(used?.with ?? {})));
  const documented = [...readFileSync('docs/nightly.md', 'utf8').matchAll(/^\| `([a-z-]+)` \|/gm)].map(
    ([, name]) => name,
  );
  expect(documented).toEqual(expect.arrayContaining(Object.keys(inputs)));
});

describe('its shell steps', () => {
  const folder = testFolder();
  const [workspace, actionPath, bin] = ['workspace', 'action', 'bin'].map((name) => join(folder, name));
  const calls = join(folder, 'calls');
  const nights = join(workspace, 'fuzzing', 'neurofuzz-nights');
  const REPOSITORY = 'someone/models';

  beforeAll(() => {
    for (const path of [join(workspace, 'fuzzing'), join(actionPath, 'scripts'), bin])
      mkdirSync(path, { recursive: true });
    // The built command line is that of this repository; setting up is told by a file.
    copyFileSync('package-lock.json', join(actionPath, 'package-lock.json'));
    writeFileSync(join(actionPath, 'scripts/setup.js'), "require('node:fs').writeFileSync('is-set-up', '')");
    symlinkSync(resolve('bin'), join(actionPath, 'bin'));
    // gh writes down its arguments, and lists the comment of an earlier run where there is one.
    writeFileSync(
      join(bin, 'gh'),
      `#!/bin/sh\necho "$*" >> '${calls}'\ncase "$*" in *--paginate*) cat '${folder}/earlier' ;; esac\n`,
      { mode: 0o755 },
    );
    writeNight('broken');
  });

  function writeNight(model: 'broken' | 'gone'): void {
    const settings =
      model === 'gone' ? 'model: gone.onnx' : `config: ${resolve('corpora/broken-loss/campaign.yaml')}`;
    writeFileSync(
      join(workspace, 'fuzzing/nightly.yaml'),
      `time: 10m\nminimize: 0\ncampaigns: { loss: { ${settings}, execs: 1000, jobs: 1, seed: '1' } }`,
    );
  }

  function run(github: ActionRun['github'], inputs: ActionRun['inputs'] = {}, earlier = ''): StepResult[] {
    writeFileSync(calls, '');
    writeFileSync(join(folder, 'earlier'), earlier);
    return runCompositeAction(ACTION, {
      workspace,
      actionPath,
      path: bin,
      inputs: { 'working-directory': 'fuzzing', ...inputs },
      github: { repository: REPOSITORY, run_id: '17', run_attempt: '1', ...github },
    });
  }

  const pullRequest = (head: string) => ({
    event_name: 'pull_request',
    event: { pull_request: { number: 5, head: { repo: { full_name: head } } } },
  });
  const outcomes = (results: readonly StepResult[]): Record<string, string> =>
    Object.fromEntries(results.map(({ name, outcome }) => [name.replace(/@.*/, ''), outcome]));
  const stepOf = (results: readonly StepResult[], name: string): StepResult | undefined =>
    results.find((result) => result.name.startsWith(name));
  const ghCalls = (): string[] => readFileSync(calls, 'utf8').trim().split('\n').filter(Boolean);

  test('a pull request with a new fault: a summary, a comment, nothing in the cache, and a failed job', () => {
    const results = run(pullRequest(REPOSITORY));
    expect(stepOf(results, 'Night')).toMatchObject({
      outputs: { 'exit-code': '1', 'new-faults': '1', 'has-reports': 'true' },
    });
    expect(outcomes(results)).toEqual({
      'actions/setup-node': 'success',
      Paths: 'success',
      'actions/cache': 'success',
      Install: 'success',
      'actions/cache/restore': 'success',
      Night: 'success',
      'actions/cache/save': 'skipped',
      'Job summary': 'success',
      'actions/upload-artifact': 'success',
      Comment: 'success',
      Issues: 'skipped',
      'github/codeql-action/upload-sarif': 'success',
      Result: 'failure',
    });
    expect(existsSync(join(actionPath, 'is-set-up'))).toBe(true);
    expect(stepSummary(workspace)).toMatch(/^## neurofuzz nightly, .*: 1 new fault/);
    // The command is on the PATH as one that is installed, by which people paste it.
    expect(stepSummary(workspace)).toMatch(
      /^neurofuzz replay neurofuzz-nights\/campaigns\/loss\/0001\/findings\//m,
    );
    expect(ghCalls()).toEqual([
      expect.stringMatching(/^api --paginate repos\/someone\/models\/issues\/5\/comments --jq /),
      'api --method POST repos/someone/models/issues/5/comments --field body=@neurofuzz-nights/comment.md --silent',
    ]);
    expect(readFileSync(join(nights, 'comment.md'), 'utf8')).toContain('1 new fault');
    const given = results.flatMap(({ given: { path = '', sarif_file: sarif = '' } }) => [
      ...path.split('\n'),
      sarif,
    ]);
    const files = given.filter((path) => path.startsWith('fuzzing/'));
    expect(files.length).toBeGreaterThanOrEqual(5);
    // Only a campaign with a quantized copy has one.
    expect(files.filter((path) => !matchesPath(join(workspace, path)))).toEqual([
      'fuzzing/neurofuzz-nights/campaigns/*/*/copy',
    ]);
  });

  test('its next run replaces the comment; elsewhere than on a pull request issues are opened and the folder is saved', () => {
    const results = run(pullRequest(REPOSITORY), {}, '70\n71\n');
    expect(stepOf(results, 'Night')?.outputs).toMatchObject({ 'exit-code': '0', 'new-faults': '0' });
    expect(outcomes(results)).toMatchObject({ Comment: 'success', Result: 'success' });
    expect(ghCalls()[1]).toBe(
      'api --method PATCH repos/someone/models/issues/comments/70 --field body=@neurofuzz-nights/comment.md --silent',
    );
    rmSync(nights, { recursive: true });
    const nightly = run(
      { event_name: 'schedule' },
      { issues: 'true', 'fail-on-new-faults': 'false', sarif: 'false' },
    );
    expect(outcomes(nightly)).toMatchObject({
      'actions/cache/save': 'success',
      Comment: 'skipped',
      Issues: 'success',
      'github/codeql-action/upload-sarif': 'skipped',
      Result: 'success',
    });
    expect(stepOf(nightly, 'Night')?.outputs).toMatchObject({ 'exit-code': '1', 'new-faults': '1' });
    expect(stepOf(nightly, 'actions/cache/save')?.given).toEqual({
      path: 'fuzzing/neurofuzz-nights',
      key: 'neurofuzz-nights-fuzzing-nightly.yaml-17-1',
    });
    expect(ghCalls().join('\n')).toMatch(/^issue create --title neurofuzz: loss: assert-learns/m);
  });

  test('a fork gets no comment; a night that cannot run fails, and shows no report of an earlier one', () => {
    writeNight('gone');
    const misconfigured = run(pullRequest('a/fork'));
    expect(outcomes(misconfigured)).toMatchObject({
      Comment: 'skipped',
      'Job summary': 'success',
      Result: 'failure',
    });
    expect(stepSummary(workspace)).toMatch(/loss could not run: cannot read the model \S*gone\.onnx/);
    rmSync(join(workspace, 'fuzzing/nightly.yaml'));
    const missing = run({ event_name: 'schedule' });
    expect(stepOf(missing, 'Night')?.outputs).toEqual({ 'exit-code': '2', 'new-faults': '0' });
    expect(outcomes(missing)).toMatchObject({
      'Job summary': 'skipped',
      'actions/upload-artifact': 'skipped',
      Result: 'failure',
    });
    expect(stepSummary(workspace)).toBe('');
  });
});
