import type { Command } from 'commander';
import { checkOutcome, hasConfirmedFault } from '../../campaign/check-outcome.ts';
import type { ExecutorFactory } from '../../campaign/executor-factory.ts';
import type { Monitor } from '../../campaign/monitor/monitor.ts';
import type { Statistics } from '../../campaign/monitor/statistics.ts';
import type { CampaignStart } from '../../campaign/run-campaign.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import { describePreset, presetSettings } from '../../config/presets.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { DEFAULT_PREFIX } from '../../distributed/protocol/redis-keys.ts';
import { allowPlugins } from '../../extensions/allowed-plugins.ts';
import { pluginPaths } from '../../storage/trust/plugin-paths.ts';
import { requireTrust } from '../../storage/trust/require-trust.ts';
import { groupFlags } from '../arguments/flag-groups.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { addAllSettingFlags, readSettingFlags } from '../arguments/setting-flags.ts';
import { TRUST_HELP } from '../arguments/trust-flag.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { summaryJson, summaryLines } from '../output/campaign-summary.ts';
import type { OutputOptions } from '../output/logging.ts';
import { createMonitor } from '../output/monitors.ts';
import { printJson, printProse } from '../output/terminal.ts';
import { handleShutdownSignals } from '../shutdown.ts';
import { checkPrefix } from './worker.ts';

interface FuzzOptions extends OutputOptions {
  readonly config?: string;
  readonly exitZero?: boolean;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly trust?: boolean;
  readonly queue?: string | true;
  readonly prefix?: string;
  readonly mixed?: boolean;
  readonly metrics?: string;
}

/**
 * `neurofuzz fuzz`: runs a campaign, by flags or by a campaign file.
 *
 * @param startedAt when the command began, on `performance.now()`'s clock
 */
export function fuzzCommand(startedAt: number): Command {
  const command = describedCommand('fuzz')
    .argument(
      '[model]',
      'saved model: an .onnx file, a TensorFlow.js model.json or its folder, or a SavedModel folder',
    )
    .option('-c, --config <file>', 'campaign file, YAML or JSON; paths in it are relative to it');
  addAllSettingFlags(command)
    .option('--resume', 'resume the campaign in --out; accepts another --jobs, --time or --execs (a total)')
    .option(
      '--overwrite',
      'start over where --out contains a campaign: that folder is renamed to <dir>.old-1, and nothing is deleted',
    )
    .option('--trust', TRUST_HELP)
    .option(
      '--queue [url]',
      'run the campaign on the machines of a queue: redis://host:6379, default $NEUROFUZZ_QUEUE; see neurofuzz worker',
    )
    .option('--prefix <name>', `prefix of the queue's keys (default: ${DEFAULT_PREFIX})`)
    .option('--mixed', 'with --queue: accept machines whose floating-point results differ in the last digits')
    .option(
      '--metrics <port>',
      'serve Prometheus metrics on this port of the loopback, or on an address such as 0.0.0.0:9464',
    )
    .option('--exit-zero', 'exit with 0 even if there are findings')
    .option('--json', 'print one JSON object on standard output at the end')
    .addHelpText('after', EXAMPLES)
    .action((model: string | undefined, options: FuzzOptions) => fuzz(model, options, startedAt));
  return groupFlags(addOutputFlags(command));
}

async function fuzz(model: string | undefined, options: FuzzOptions, startedAt: number): Promise<void> {
  const start = startOf(options);
  const file = options.config === undefined ? {} : await readCampaignFile(options.config);
  const flags = readSettingFlags(options);
  const settings = await resolveSettings(file, model === undefined ? flags : { ...flags, model }, options);
  const { config, executorFactory } = await resolveExecutor(options, settings);
  const monitor = createMonitor(options);
  const metrics = await startMetrics(options);
  const preset = describePreset(file, flags);
  if (preset !== undefined) monitor.info(preset);
  const shutdown = handleShutdownSignals();
  const { runCampaign } = await import('../../campaign/run-campaign.ts');
  try {
    const watched = metrics === undefined ? monitor : metrics.wrap(monitor);
    const summary = await runCampaign(config, watched, shutdown.signal, start, executorFactory, startedAt);
    monitor.finish();
    if (options.json === true) printJson(summaryJson(summary));
    else if (options.quiet !== true) printProse(summaryLines(summary));
    process.exitCode = hasConfirmedFault(summary) && options.exitZero !== true ? EXIT.findings : EXIT.done;
    checkOutcome(summary, config.minExecs);
  } finally {
    monitor.finish();
    metrics?.close();
    shutdown.release();
  }
}

/** @throws UserError where the campaign is to be resumed and overwritten */
function startOf({ resume, overwrite }: FuzzOptions): CampaignStart {
  if (resume === true && overwrite === true)
    throw new UserError(
      '--resume continues the campaign in --out and --overwrite starts over: give one of them',
    );
  return resume === true ? 'resume' : overwrite === true ? 'overwrite' : 'new';
}

/** Starts the Prometheus endpoint; undefined where none is asked for. */
async function startMetrics({ metrics }: FuzzOptions) {
  if (metrics === undefined) return undefined;
  const { parseMetricsAddress, serveMetrics } = await import('../../core/prometheus.ts');
  const { campaignMetrics } = await import('../../campaign/monitor/prometheus.ts');
  let latest: Statistics | undefined;
  const server = await serveMetrics(parseMetricsAddress(metrics), () =>
    latest === undefined ? [] : campaignMetrics(latest),
  );
  /** A monitor that keeps the latest statistics for the endpoint and passes everything on. */
  const wrap = (monitor: Monitor): Monitor => ({
    info: (text) => monitor.info(text),
    warn: (text) => monitor.warn(text),
    onPhase: (phase) => monitor.onPhase(phase),
    onStart: (plan) => monitor.onStart(plan),
    onFault: (fault, folder) => monitor.onFault(fault, folder),
    onThresholdChange: (threshold, why) => monitor.onThresholdChange(threshold, why),
    onStatistics: (statistics) => {
      latest = statistics;
      monitor.onStatistics(statistics);
    },
  });
  return { wrap, close: server.close };
}

/** The settings with what a queue adds to them, and the executor of that queue; undefined where there is none. */
async function resolveExecutor(
  { queue, prefix = DEFAULT_PREFIX, mixed = false }: FuzzOptions,
  config: CampaignConfig,
): Promise<{
  readonly config: CampaignConfig;
  readonly executorFactory: ExecutorFactory | undefined;
}> {
  if (queue === undefined) {
    if (mixed) throw new UserError('--mixed is for machines on a queue: name that with --queue');
    return { config, executorFactory: undefined };
  }
  const { checkQueue, parseQueueAddress } = await import('../../distributed/redis/connection.ts');
  const { DEFAULT_EPOCH_TASKS, queueExecutorFactory } = await import(
    '../../distributed/coordinator/coordinator.ts'
  );
  const address = parseQueueAddress(queue === true ? undefined : queue);
  checkPrefix(prefix);
  await checkQueue(address, prefix);
  const name = config.out ?? config.model ?? 'a campaign';
  return {
    config: { ...config, epoch: config.epoch ?? DEFAULT_EPOCH_TASKS },
    executorFactory: queueExecutorFactory({ address, prefix, name, mixed }),
  };
}

/** The settings of a new campaign; of a resumed one, the recorded settings overridden by those given. */
async function resolveSettings(
  file: RawSettings,
  flags: RawSettings,
  options: FuzzOptions,
): Promise<CampaignConfig> {
  if (options.resume !== true) return checkSettings(file, flags, options.config);
  const out = await resumedFolder({ ...file, ...flags });
  const { recordedSettings, withLocatedModels } = await import('../../campaign/resume.ts');
  const recorded = await recordedSettings(out);
  const changed = { ...presetSettings(file, flags), ...file };
  const settings = checkSettings({ ...recorded, ...changed }, { ...flags, out }, options.config ?? out);
  const named = { ...file, ...flags };
  allowPlugins(await requireTrust(out, settings, { trust: options.trust, named: pluginPaths(named) }));
  return withLocatedModels(out, settings, named);
}

async function resumedFolder({ out, model }: RawSettings): Promise<string> {
  if (typeof out === 'string') return out;
  const { defaultFolder } = await import('../../campaign/run-campaign.ts');
  if (typeof model === 'string') return defaultFolder({ model });
  throw new UserError("--resume: name the campaign's folder with --out, or its model");
}

const EXAMPLES = `
Examples:
  neurofuzz fuzz model.onnx --seeds digits.npz --range=-1,1
  neurofuzz fuzz model.json --seeds image=digits/ label=labels.npy --mutator label=none
  neurofuzz fuzz --config campaign.yaml --until-finding --seed 7
  neurofuzz fuzz model.onnx --seeds digits.npz --guidance none --execs 1000000
  neurofuzz fuzz model.onnx --seeds digits.npz --labels labels.npy --objective misclassified --encoder enc.onnx --decoder dec.onnx --mutator latent
  neurofuzz fuzz lm.onnx --seeds prompts.txt --generate vocabulary=tokenizer.json length=64 --objective text

Write a value that starts with a minus sign with =: --range=-1,1`;
