import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../core/errors.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { flagName } from './flag-meta.ts';
import { type CampaignConfig, flagSettings, type SettingName } from './schema.ts';
import {
  GOAL_OBJECTIVES,
  type GoalKind,
  LEAST_QUERIES,
  shownScores,
  type ThreatLimits,
  type ThreatModel,
} from './threat-model.ts';

/** The objective of a goal where none is named; undefined for a goal that has none, or a setting that is not a threat model. */
export function defaultGoalObjective(threatModel: unknown): string | undefined {
  const goal = new Map(Object.entries(threatModel ?? {})).get('goal');
  const kind = new Map(Object.entries(goal ?? {})).get('kind');
  if (typeof kind !== 'string' || !Object.hasOwn(GOAL_OBJECTIVES, kind) || kind === 'abstain')
    return undefined;
  return GOAL_OBJECTIVES[kind as GoalKind][0];
}

/**
 * Makes the settings of a campaign obey its threat model: its limits replace the settings of the same names, and objectives get
 * the classes and the confidence of its goal.
 *
 * @param flags settings that flags gave
 * @param source path of the campaign file, for messages
 * @throws UserError where a setting contradicts the threat model
 */
export function applyThreatModel(config: CampaignConfig, flags: object, source = 'campaign'): CampaignConfig {
  const { threatModel } = config;
  if (threatModel === undefined) return config;
  const { goal, limits } = threatModel;
  for (const [name, limit] of Object.entries(limits)) {
    const given = config[name as keyof ThreatLimits];
    if (limit === undefined || given === undefined || isDeepStrictEqual(given, limit)) continue;
    const isFlag = Object.hasOwn(flags, name);
    throw new UserError(
      `${isFlag ? flagOf(name) : `${source}: ${name}`} ${JSON.stringify(given)} contradicts threatModel.limits.${name} ${JSON.stringify(limit)}: leave ${isFlag ? 'the flag' : 'the setting'} out, or change the threat model`,
    );
  }
  const applied = { ...config, ...limits, objective: goalObjectives(config.objective, goal, source) };
  checkAbilities(applied, threatModel, source);
  return applied;
}

function flagOf(name: string): string {
  const setting = flagSettings().find((candidate) => candidate.name === (name as SettingName));
  return setting === undefined ? name : flagName(setting.meta);
}

/** @throws UserError where a setting needs tensors that the attacker does not see */
function checkKnowledge({ generate, quantize, coverage }: CampaignConfig, source: string): void {
  const where = `${source}: threatModel.knows.model: outputs`;
  if (generate !== undefined)
    throw new UserError(`${where} is for models that answer with numbers, not for generate: leave it out`);
  if (quantize?.startsWith('int8') === true)
    throw new UserError(
      `${where}: quantize int8 looks at inner tensors: write the copy with neurofuzz quantize, and name it with against`,
    );
  if (coverage === 'layers')
    throw new UserError(`${where} hides the layers: set coverage to auto, or name outputs`);
}

/** @throws UserError where the part of the scores that is seen does not show that the goal is reached, or more is seen */
function checkPartOfScores(
  { model, outputs }: ThreatModel['knows'],
  { kind, confident }: ThreatModel['goal'],
  source: string,
): void {
  const where = `${source}: threatModel.knows.outputs: ${outputs}`;
  if (model !== 'outputs')
    throw new UserError(
      `${where} is for an attacker who sees nothing else: set threatModel.knows.model to outputs`,
    );
  if (!isClassGoal(kind))
    throw new UserError(
      `${where} is for goals of classes: set threatModel.goal.kind to untargeted or targeted`,
    );
  if (confident !== undefined)
    throw new UserError(`${where} shows no confidence: leave threatModel.goal.confident out`);
}

function isClassGoal(kind: GoalKind): boolean {
  return kind === 'untargeted' || kind === 'targeted';
}

/** @throws UserError where an attacker without the model has no surrogate, or a campaign does what only the model itself can show */
function checkSurrogate(config: CampaignConfig, threatModel: ThreatModel, source: string): void {
  const { knows, goal, repeats, turn } = threatModel;
  const where = `${source}: threatModel.knows.model: nothing`;
  if (knows.model !== 'nothing') {
    if (knows.surrogate !== undefined)
      throw new UserError(
        `${source}: threatModel.knows.surrogate is for an attacker without the model: set threatModel.knows.model to nothing, or leave it out`,
      );
    if (!repeats)
      throw new UserError(
        `${source}: threatModel.repeats: false leaves no room for a search on the model: set threatModel.knows.model to nothing, and threatModel.knows.surrogate to a model that is searched in its place`,
      );
    return;
  }
  if (knows.surrogate === undefined)
    throw new UserError(
      `${where} needs threatModel.knows.surrogate: the path of a model that the attacker has in its place`,
    );
  if (!isClassGoal(goal.kind))
    throw new UserError(
      `${where} is for goals of classes: set threatModel.goal.kind to untargeted or targeted`,
    );
  const names = objectiveNames(config.objective);
  if (names.some((name) => name !== 'misclassified'))
    throw new UserError(
      `${where}: only misclassified can judge on the model the hits of a surrogate: set objective to misclassified`,
    );
  if (config.perSeed === 'least')
    throw new UserError(
      `${where}: the surrogate does not tell how near the model breaks: leave perSeed: least out`,
    );
  if (config.corpus !== undefined)
    throw new UserError(
      `${where}: testcases of corpus would be run on the surrogate alone: leave corpus out`,
    );
  if (turn === 'before')
    throw new UserError(`${where}: nothing is searched with turn: before: leave one of them out`);
}

function objectiveNames(objective: CampaignConfig['objective']): string[] {
  const specs = typeof objective === 'object' ? Object.values(objective).flat() : [objective];
  return specs.map((spec) => parseExtensionSpec(spec).name);
}

/** @throws UserError where the limits that a kind of change rests on are missing */
function checkAbilities(config: CampaignConfig, threatModel: ThreatModel, source: string): void {
  const { may, knows, goal, plausible, queries } = threatModel;
  if (knows.outputs === 'labels' || shownScores(knows.outputs) !== undefined)
    checkPartOfScores(knows, goal, source);
  if (knows.model === 'outputs') checkKnowledge(config, source);
  checkSurrogate(config, threatModel, source);
  const few = Object.entries(queries).find(([, limit]) => limit !== undefined && limit < LEAST_QUERIES);
  if (few !== undefined && knows.model !== 'nothing')
    throw new UserError(
      `${source}: threatModel.queries.${few[0]} must be a whole number, ${LEAST_QUERIES} or more, not ${few[1]}`,
    );
  const { linf, l2, l0, valid, fixed, table } = config;
  const isNear = linf !== undefined || l2 !== undefined || l0 !== undefined;
  const where = `${source}: threatModel.may: ${may}`;
  if (may === 'indistinguishable' && !isNear)
    throw new UserError(`${where} needs a distance: set linf, l2 or l0 in threatModel.limits`);
  if (may === 'content-constrained' && fixed === undefined && valid === undefined && !hasFixedColumn(table))
    throw new UserError(
      `${where} needs what stays: set fixed in threatModel.limits to a mask, valid to a condition, or table with columns of kind fixed`,
    );
  if (may === 'non-suspicious' && plausible === undefined && valid === undefined)
    throw new UserError(
      `${where} needs what is suspicious: set threatModel.plausible to a model and a bound, such as detector.onnx < 0.5, or valid in threatModel.limits to a condition`,
    );
  if (may !== 'non-suspicious' && plausible !== undefined)
    throw new UserError(
      `${source}: threatModel.plausible is for may: non-suspicious: set threatModel.may to it, or leave plausible out`,
    );
}

/** Whether a column of a table keeps its seed's value. */
function hasFixedColumn(table: CampaignConfig['table']): boolean {
  const tables = Array.isArray(table) || typeof table !== 'object' ? [table] : Object.values(table);
  return tables.some((columns) => Array.isArray(columns) && columns.some(({ kind }) => kind === 'fixed'));
}

/** The objectives with the settings of a goal. @throws UserError where one cannot show that the goal is reached */
function goalObjectives(
  objective: CampaignConfig['objective'],
  goal: ThreatModel['goal'],
  source: string,
): CampaignConfig['objective'] {
  const convert = (spec: string): string => goalObjective(spec, goal, source);
  if (typeof objective === 'string') return convert(objective);
  if (Array.isArray(objective)) return objective.map(convert);
  return Object.fromEntries(Object.entries(objective).map(([name, spec]) => [name, convert(spec)]));
}

function goalObjective(spec: string, goal: ThreatModel['goal'], source: string): string {
  const { name, isModule, settings } = parseExtensionSpec(spec);
  // A module's author knows what it judges.
  if (isModule) return spec;
  const allowed = GOAL_OBJECTIVES[goal.kind];
  const where = `${source}: threatModel.goal.kind: ${goal.kind}`;
  if (!allowed.includes(name))
    throw new UserError(
      `${where} is not shown by the objective ${name}: set objective to ${allowed.join(', ')} or a module, or change the goal`,
    );
  const wanted = [
    ...(goal.confident === undefined ? [] : [['confident', String(goal.confident)]]),
    ...(goal.to === undefined ? [] : [['to', goal.to.join('+')]]),
  ];
  let text = settings;
  for (const [key, value] of wanted.reverse()) {
    const given = new RegExp(`(?:^|,)${key}=([^,]*)`).exec(text)?.[1];
    if (given === undefined) text = `${key}=${value}${text === '' ? '' : `,${text}`}`;
    else if (given.trim() !== value)
      throw new UserError(
        `--objective: ${name}:${key}=${given} contradicts threatModel.goal.${key} ${value}: leave one of them out`,
      );
  }
  return text === '' ? name : `${name}:${text}`;
}
