import type { CampaignConfig, ThreatModel } from '../../config/schema.ts';
import { shownScores } from '../../config/threat-model.ts';
import { formatCount } from '../../core/format-number.ts';
import { percentText } from '../monitor/seed-statistics.ts';

const list = (classes: readonly number[]): string =>
  `${classes.length === 1 ? 'class' : 'classes'} ${classes.join(', ')}`;

/** The confidence that a goal asks for, as the end of a sentence. */
function confidenceText({ confident }: ThreatModel['goal']): string {
  return confident === undefined ? '' : `, with a confidence of at least ${confident}`;
}

function goalText(goal: ThreatModel['goal']): string {
  const from = goal.from === 'any' ? '' : ` of ${list(goal.from)}`;
  switch (goal.kind) {
    case 'untargeted':
      return `The attacker wants an input${from} to get another class than its seed's${confidenceText(goal)}.`;
    case 'targeted':
      return `The attacker wants an input${from} to get ${list(goal.to ?? [])}${confidenceText(goal)}.`;
    case 'abstain':
      return `The attacker wants the model to give no answer to an input${from}, or one below the bound of the objective.`;
    case 'reliability':
      return 'There is no attacker: the question is whether any input leads to NaN, infinity, a crash or a hang.';
    case 'text':
      return 'The attacker wants a text that the rules of the objective forbid.';
  }
}

function startText(starts: ThreatModel['starts']): string {
  switch (starts) {
    case 'given':
      return 'The input is given to the attacker: success is a share of all seeds.';
    case 'chosen':
      return 'The attacker picks the input: one seed that gives way is a success.';
    case 'own':
      return 'The attacker makes the input: seeds are only a start, and their distance does not matter.';
  }
}

const MAY_TEXTS: Readonly<Record<ThreatModel['may'], string>> = {
  indistinguishable: 'The changed input must not be distinguishable from the seed.',
  'content-preserving':
    'The changed input must mean the same as the seed: mutators that may alter it are off.',
  'non-suspicious': 'The changed input may be any that raises no suspicion.',
  'content-constrained': 'The changed input must keep some values of the seed.',
  unconstrained: 'The input may be any within its range and types.',
};

const KNOWLEDGE_TEXTS: Readonly<Record<ThreatModel['knows']['model'], string>> = {
  weights: 'The attacker knows the model: all tensors, and gradients.',
  outputs: 'The attacker sees the outputs alone: no inner tensors and no gradients.',
  nothing:
    'The attacker has no access to the model: the search runs on a surrogate, and its hits are submitted.',
};

/** What of the outputs is seen, and what is known of the defence. */
function knowledgeTexts({ surrogate, outputs, defence, randomness }: ThreatModel['knows']): string[] {
  const shown = shownScores(outputs);
  return [
    ...(surrogate === undefined ? [] : [`Surrogate: ${surrogate}.`]),
    ...(outputs === 'labels' ? ['Of the outputs the attacker sees the class alone, without scores.'] : []),
    ...(shown === undefined
      ? []
      : [
          `Of the outputs the attacker sees the ${shown === 1 ? 'greatest score' : `${shown} greatest scores`}.`,
        ]),
    ...(defence ? [] : ['How the model is defended is not known to the attacker.']),
    ...(randomness
      ? []
      : ['What a random model draws is not known to the attacker: a finding must hold in 27 of 30 reruns.']),
  ];
}

function queryText({ each, total }: ThreatModel['queries']): string[] {
  const limits = [
    ...(each === undefined ? [] : [`${formatCount(each)} for one seed`]),
    ...(total === undefined ? [] : [`${formatCount(total)} in all`]),
  ];
  return limits.length === 0 ? [] : [`Queries: at most ${limits.join(' and ')}.`];
}

const TURN_TEXTS: Readonly<Record<ThreatModel['turn'], string>> = {
  after: 'The attacker moves after the model is fixed.',
  before: 'The attacker moves before the model is fixed: nothing is searched, the seeds are run as they are.',
};

/** Names of limits for people. */
const LIMIT_TEXTS = {
  linf: 'largest change of a value',
  l2: 'largest Euclidean distance',
  l0: 'most values changed',
  edits: 'most edits',
  valid: 'condition',
  fixed: 'mask of fixed values',
  table: 'columns',
  range: 'legal values',
} as const;

function limitTexts(config: CampaignConfig): string[] {
  return Object.entries(LIMIT_TEXTS).flatMap(([name, text]) => {
    const limit = config[name as keyof typeof LIMIT_TEXTS];
    if (limit === undefined) return [];
    return [`${text} ${typeof limit === 'object' ? JSON.stringify(limit) : limit}`];
  });
}

/** A campaign's threat model in sentences; none without one. */
export function threatProse(config: CampaignConfig): string[] {
  const { threatModel } = config;
  if (threatModel === undefined) return [];
  const { goal, starts, may, plausible, knows, queries, repeats, turn, population } = threatModel;
  const limits = limitTexts(config);
  return [
    goalText(goal),
    startText(starts),
    MAY_TEXTS[may],
    ...(plausible === undefined ? [] : [`An input is suspicious unless ${plausible}.`]),
    ...(limits.length === 0 ? [] : [`Limits: ${limits.join('; ')}.`]),
    ...(goal.kind === 'reliability' ? [] : [KNOWLEDGE_TEXTS[knows.model]]),
    ...knowledgeTexts(knows),
    ...queryText(queries),
    ...(repeats ? [] : ['The attacker has one try: the first input submitted for a seed counts.']),
    TURN_TEXTS[turn],
    ...(population === undefined
      ? []
      : [
          `Attackers send ${percentText(population.share)} of the inputs, and one success costs as much as ${population.cost} ordinary errors.`,
        ]),
  ];
}
