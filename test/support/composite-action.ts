import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import type { FunctionDefinition } from '@actions/expressions/funcs/info';
import { parse } from 'yaml';

/** A step of a composite action. */
interface ActionStep {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly 'working-directory'?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}

/** How a step of the action ended. */
export interface StepResult {
  /** Its name, or the action that it uses. */
  readonly name: string;
  readonly outcome: 'success' | 'failure' | 'skipped';
  readonly stdout: string;
  readonly stderr: string;
  /** Of a step that uses another action: what that is given. */
  readonly given: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ActionRun {
  /** The workspace; GITHUB_* files are beside it. */
  readonly workspace: string;
  readonly actionPath: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly github: Readonly<Record<string, unknown>>;
  /** Folders before all others on the PATH. */
  readonly path: string;
  /** Outputs of steps that use other actions, which do not run here. */
  readonly outputs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Runs the shell steps of a composite action in order, as GitHub's runner does; steps that use other actions are only evaluated. */
export function runCompositeAction(file: string, run: ActionRun): StepResult[] {
  const action = parse(readFileSync(file, 'utf8'));
  const defaults = Object.entries<{ default?: string }>(action.inputs).map(([name, input]) => [
    name,
    input.default ?? '',
  ]);
  const temp = join(run.workspace, '..', 'runner');
  mkdirSync(temp, { recursive: true });
  const summary = join(temp, 'summary.md');
  writeFileSync(summary, '');
  const steps: Record<string, unknown> = {};
  const context = {
    inputs: { ...Object.fromEntries(defaults), token: 'a-token', ...run.inputs },
    github: { ...run.github, action_path: run.actionPath },
    runner: { os: 'Linux', arch: 'X64' },
    steps,
  };
  let path = `${run.path}${delimiter}${process.env.PATH}`;
  let hasFailed = false;
  const results: StepResult[] = [];
  for (const step of action.runs.steps as readonly ActionStep[]) {
    const expand = (text: string): string =>
      text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression) =>
        evaluate(expression, context, hasFailed).coerceString(),
      );
    const expandAll = (texts: Readonly<Record<string, string>> = {}): Record<string, string> =>
      Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, expand(String(text))]));
    const name = step.name ?? step.uses ?? '';
    const condition = step.if ?? 'success()';
    const isGuarded = /\b(?:always|failure|success|cancelled)\(/.test(condition);
    const isRun = evaluate(isGuarded ? condition : `success() && (${condition})`, context, hasFailed);
    let result: StepResult = {
      name,
      outcome: 'skipped',
      stdout: '',
      stderr: '',
      given: {},
      outputs: {},
    };
    if (truthy(isRun)) {
      if (step.run === undefined)
        result = {
          ...result,
          outcome: 'success',
          given: expandAll(step.with),
          outputs: run.outputs?.[step.id ?? ''] ?? {},
        };
      else {
        const [output, paths, script] = ['output', 'path', 'script'].map((part) => join(temp, part));
        writeFileSync(output, '');
        writeFileSync(paths, '');
        writeFileSync(script, step.run);
        const { status, stdout, stderr } = spawnSync(
          'bash',
          ['--noprofile', '--norc', '-eo', 'pipefail', script],
          {
            cwd: join(run.workspace, expand(step['working-directory'] ?? '.')),
            encoding: 'utf8',
            env: {
              ...process.env,
              PATH: path,
              GITHUB_OUTPUT: output,
              GITHUB_PATH: paths,
              GITHUB_STEP_SUMMARY: summary,
              GITHUB_ACTION_PATH: run.actionPath,
              GITHUB_WORKSPACE: run.workspace,
              GITHUB_REPOSITORY: String(run.github.repository),
              RUNNER_TEMP: temp,
              ...expandAll(step.env),
            },
          },
        );
        const lines = readFileSync(output, 'utf8').split('\n').filter(Boolean);
        const outputs = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
        for (const folder of readFileSync(paths, 'utf8').split('\n').filter(Boolean))
          path = `${folder}${delimiter}${path}`;
        result = { ...result, outcome: status === 0 ? 'success' : 'failure', stdout, stderr, outputs };
      }
    }
    hasFailed ||= result.outcome === 'failure';
    if (step.id !== undefined) steps[step.id] = { outputs: result.outputs, outcome: result.outcome };
    results.push(result);
  }
  return results;
}

/** The job's summary of the last run. */
export const stepSummary = (workspace: string): string =>
  readFileSync(join(workspace, '..', 'runner', 'summary.md'), 'utf8');

/** Evaluates an expression of GitHub Actions by GitHub's own library. */
function evaluate(
  expression: string,
  context: Readonly<Record<string, unknown>>,
  hasFailed: boolean,
): data.ExpressionData {
  const status = (name: string, value: boolean): FunctionDefinition => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(value),
  });
  const functions = [
    status('always', true),
    status('success', !hasFailed),
    status('failure', hasFailed),
    status('cancelled', false),
  ];
  const { tokens } = new Lexer(expression.trim()).lex();
  const parsed = new Parser(tokens, Object.keys(context), functions).parse();
  const values: data.ExpressionData = JSON.parse(JSON.stringify(context), data.reviver);
  const known = new Map(functions.map((definition) => [definition.name, definition]));
  return new Evaluator(parsed, values as data.Dictionary, known).evaluate();
}

/** What GitHub takes for true. */
function truthy(value: data.ExpressionData): boolean {
  const text = value.coerceString();
  return text !== '' && text !== 'false' && text !== '0';
}
