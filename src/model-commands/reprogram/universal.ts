import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { goalName, successOf, type UniversalGoal } from '../../reprogram/goal.ts';
import { tenths } from '../../reprogram/train-program.ts';
import { loadOptions, modelPath } from '../../storage/load-options.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { recordTurned } from './findings.ts';
import { type PreparedProgram, prepare, type ReprogramOptions, type SeededConfig } from './prepare.ts';
import type { ProgramRow, UniversalReport } from './report.ts';
import { commonReport, type Host, methodOf } from './run-context.ts';
import { shrinkAll } from './stealth.ts';
import {
  randomWeights,
  repeated,
  runTests,
  type Score,
  type TestedProgram,
  type Training,
  trainAll,
} from './training.ts';
import { onUntrainedCopy } from './untrained-copy.ts';
import { writeUniversal } from './write-programs.ts';

type Sessions = readonly [ModelSession, ...ModelSession[]];
type UniversalProgram = TestedProgram<UniversalGoal>;

/** Results of changes that lead all inputs to a class, with what pages show of them. */
export interface UniversalResult {
  readonly report: UniversalReport;
  readonly programs: readonly UniversalProgram[];
  readonly prepared: PreparedProgram;
}

/**
 * Searches for a single change for each goal that leads inputs never seen to it.
 *
 * @throws UserError where there are no labels, too few inputs, no class output, or the place has nothing to write on
 */
export async function findUniversal(
  sessions: Sessions,
  host: Host,
  config: SeededConfig,
  options: ReprogramOptions,
  notices: Notices,
  onProgress: OnProgress,
): Promise<UniversalResult> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to change: set --seeds');
  if (config.labels === undefined)
    throw new UserError('without --labels nobody knows which inputs have another class: set --labels');
  const [session] = sessions;
  const prepared = await prepare(session, config, options, notices);
  const method = await methodOf(session, config, options.method, prepared, notices);
  const { seed } = config;
  const training: Training = { seed, method, options, prepared };
  const labels = repeated(prepared.testLabels, prepared.draws);
  const scoreOf: Score<UniversalGoal> = ({ goal }, logits) => successOf(goal, logits, labels);
  const goals =
    options.to ??
    Array.from({ length: prepared.classes }, (_, target): UniversalGoal => ({ kind: 'class', target }));
  const orders = goals.map((goal) => ({ goal, placement: prepared.placement }));
  const whole = await trainAll(sessions, orders, training, scoreOf, 'training programs', onProgress);
  const { stealth } = options;
  const programs =
    stealth === undefined ? whole : await shrinkAll(sessions, whole, stealth, training, scoreOf, onProgress);
  const none = await runTests(session, prepared, new Float64Array(prepared.placement.mask.length), seed, 0);
  const random: Float64Array[][] = [];
  if (options.hasControl)
    for (const { placement } of programs)
      random.push(
        await runTests(session, { ...prepared, placement }, randomWeights(placement, seed), seed, 1),
      );
  const untrained = options.hasControl
    ? await onUntrainedCopy(sessions, config, host.info, seed, () =>
        trainAll(sessions, programs, training, scoreOf, 'training controls', onProgress),
      )
    : undefined;
  const rows = programs.map((program, i): ProgramRow => {
    const { goal, trained, logits, strengths, queries, placement } = program;
    return {
      to: goal.kind === 'class' ? goal.target : 'abstain',
      success: scoreOf(program, logits),
      control: {
        none: scoreOf(program, none),
        random: random[i] === undefined ? null : scoreOf(program, random[i]),
        untrained: untrained === undefined ? null : scoreOf(program, untrained[i].logits),
      },
      strengths: strengths.map(({ strength, score }, k) => ({
        strength,
        score,
        untrained: untrained?.[i].strengths[k].score ?? null,
      })),
      curve: tenths(trained.losses),
      queries,
      ...(stealth === undefined
        ? {}
        : {
            stealth: {
              asked: stealth,
              isReached: program !== whole[i],
              values: placement.mask.reduce((sum, isInside) => sum + isInside, 0),
              epsilon: placement.mode === 'add' ? placement.epsilon : null,
            },
          }),
    };
  });
  warnOf(rows, programs, notices);
  const found = programs.filter((_, i) => isFinding(rows[i], options.allow));
  await session.load(modelPath(config).absolute, loadOptions(config));
  const { findings, threatModel } = await recordTurned(
    session,
    { config: { ...config, out: host.folder }, overwrite: options.overwrite },
    found,
    prepared,
    notices,
    onProgress,
  );
  const report: UniversalReport = {
    mode: 'universal',
    ...commonReport(host, config, prepared, method),
    programs: rows,
    findings,
    ...(threatModel === undefined ? {} : { threatModel }),
  };
  await writeUniversal(host.folder, report, { programs, untrained }, prepared, config.seed);
  return { report, programs, prepared };
}

function warnOf(rows: readonly ProgramRow[], programs: readonly UniversalProgram[], { warn }: Notices): void {
  if (rows.some(({ to, control }) => to !== 'abstain' && control.none === 1))
    warn('the model ignores its input: it gives all test inputs one class without a change');
  rows.forEach(({ stealth }, i) => {
    if (stealth?.isReached === false)
      warn(
        `--stealth: the change for ${goalName(programs[i].goal)} does not reach a success of ${stealth.asked}, and is left whole`,
      );
  });
}

/** Whether a program leads more inputs to its class than is allowed, and than go there without it. */
function isFinding({ success, control }: ProgramRow, allow: number): boolean {
  return success > Math.max(allow, control.none);
}
