/**
 * Runs the commands that README.md and the pages of docs/ show, each page in a folder with files that stand for the reader's own,
 * and compares what they print with what the page shows. Measured times and rates may differ.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type PageCommand, pageCommands, pageFiles, withoutMeasurements } from './page-commands.ts';
import { EXCEPTIONS, limited, sandboxFiles, shortened } from './plan.ts';
import { fillSandbox } from './sandbox.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    update: { type: 'boolean', default: false },
  },
});

/** A command that takes longer has failed, in milliseconds. */
const TIMEOUT_MS = 120_000;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** This build under the name of the installed command, which printed command lines begin with. */
const bin = join(await mkdtemp(join(tmpdir(), 'neurofuzz-docs-bin-')), 'neurofuzz');
await symlink(resolve('bin/neurofuzz.js'), bin);

/** Runs a command line in a shell in which `neurofuzz` and `npx neurofuzz` are this build. */
function runCommand(command: string, folder: string): Promise<Outcome> {
  const name = JSON.stringify(bin);
  const prelude = `neurofuzz() { ${name} "$@"; }; npx() { shift; npm_command=exec ${name} "$@"; }`;
  return new Promise((done) => {
    const child = spawn('bash', ['-c', `${prelude}\n${command}`], { cwd: folder, timeout: TIMEOUT_MS });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

/** What is wrong with a command's result; undefined if nothing is. */
function problemOf({ output }: PageCommand, { code, stdout, stderr }: Outcome): string | undefined {
  if (code !== 0 && code !== 1) return `exit code ${code}: ${stderr.trim().split('\n').at(-1)}`;
  if (output === undefined) return undefined;
  const printed = stdout.split('\n').filter((line) => line.trim() !== '');
  const differs = output.findIndex(
    (line, i) => withoutMeasurements(line) !== withoutMeasurements(printed[i] ?? ''),
  );
  if (differs >= 0) return `shows "${output[differs]}" and prints "${printed[differs] ?? ''}"`;
  return printed.length > output.length ? `prints more: "${printed[output.length]}"` : undefined;
}

/** Campaigns and files that a page takes from an earlier command of the reader's. */
async function prepare(page: string, folder: string, text: string): Promise<void> {
  for (const file of pageFiles(text)) await writeFile(join(folder, file.name), shortened(file.text));
  const names = new Set(pageFiles(text).map(({ name }) => name));
  const isCampaignNamed = /--config campaign\.yaml/.test(text) || names.has('nightly.yaml');
  if (isCampaignNamed && !names.has('campaign.yaml') && !/neurofuzz init /.test(text))
    await writeFile(
      join(folder, 'campaign.yaml'),
      'model: model.onnx\nseeds: digits.npz\nrange: { image: [-1, 1] }\n',
    );
  const campaigns = ['docs/triage.md', 'docs/report.md', 'docs/distill.md'].includes(page)
    ? ['neurofuzz-out/model', 'night/model', 'night-1/model']
    : [];
  for (const [i, out] of campaigns.entries()) {
    const seed = i === 0 ? 1 : i;
    const { code, stderr } = await runCommand(
      `neurofuzz fuzz model.onnx --seeds digits.npz --range image=-1,1 --mutator label=none --seed ${seed} --until-finding --out ${out}`,
      folder,
    );
    if (code !== 1) throw new Error(`${page}: no campaign to begin with: ${stderr}`);
  }
  if (text.includes('--against baseline.json') && campaigns.length > 0)
    await runCommand('neurofuzz triage neurofuzz-out/model --update-baseline baseline.json', folder);
}

/** Names of findings differ from campaign to campaign: those of a page stand for the first one of the campaign. */
async function withFinding(command: string, folder: string): Promise<string> {
  const named = /(\S*\/findings)\/[\w.-]+\/[0-9a-f]{16}/.exec(command);
  if (named === null) return command;
  const findings = named[1];
  if (!existsSync(join(folder, findings))) return command;
  const [signature] = (await readdir(join(folder, findings))).filter((name) => name !== 'unrepeatable');
  const [id] = (await readdir(join(folder, findings, signature))).filter((name) =>
    /^[0-9a-f]{16}$/.test(name),
  );
  return command.replace(named[0], `${findings}/${signature}/${id}`);
}

/** The page with other output under a command. */
function withOutput(page: string, { text, output = [] }: PageCommand, stdout: string): string {
  const prompt = `$ ${text}`;
  const shown = [prompt, ...output].map((line) => line.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('\n+');
  return page.replace(new RegExp(`^${shown}$`, 'm'), () => `${prompt}\n${stdout.trimEnd()}`);
}

async function checkPage(page: string): Promise<{ failed: number; text: string }> {
  let text = await readFile(page, 'utf8');
  const folders = new Map<object, string>();
  let failed = 0;
  for (const command of pageCommands(text)) {
    const where = `${page}:${command.line}`;
    const exception = EXCEPTIONS.find(({ pattern }) => pattern.test(command.text));
    if (exception !== undefined) {
      console.log(`not run  ${where}  ${command.text}\n         ${exception.reason}`);
      continue;
    }
    const files = sandboxFiles(page, command.text);
    let folder = folders.get(files);
    if (folder === undefined) {
      folder = await mkdtemp(join(tmpdir(), 'neurofuzz-docs-'));
      folders.set(files, folder);
      await fillSandbox(folder, files);
      await prepare(page, folder, text);
    }
    const line = command.output === undefined ? limited(command) : command.text;
    const outcome = await runCommand(await withFinding(line, folder), folder);
    const problem = problemOf(command, outcome);
    console.log(`${problem === undefined ? 'ok      ' : 'FAILED  '} ${where}  ${command.text}`);
    if (problem === undefined) continue;
    console.log(`         ${problem}`);
    if (options.update && command.output !== undefined) text = withOutput(text, command, outcome.stdout);
    failed++;
  }
  for (const folder of folders.values()) await rm(folder, { recursive: true, force: true });
  return { failed, text };
}

const pages = [
  'README.md',
  ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
].filter((page) => options.only.length === 0 || options.only.some((part) => page.includes(part)));

let failed = 0;
for (const page of pages) {
  const before = await readFile(page, 'utf8');
  const { failed: failures, text } = await checkPage(page);
  failed += failures;
  if (options.update && text !== before) await writeFile(page, text);
}
await rm(dirname(bin), { recursive: true });
console.log(failed === 0 ? 'all commands ran as their pages say' : `${failed} commands failed`);
process.exitCode = failed === 0 ? 0 : 1;
