import type { LayerDivergences } from '../analysis/layer-divergence.ts';
import type { Finding } from '../storage/finding.ts';
import type { TriagedFault, TriageResult } from '../triage/triage.ts';

/** What a report shows of a campaign: read from its folder, ready to be drawn. */
export interface CampaignView {
  readonly folder: string;
  /** The model's file as the campaign names it, and its name for people. */
  readonly model: string;
  readonly name: string;
  /** Specs of its objectives. */
  readonly objectives: readonly string[];
  /** What was fuzzed and how: settings as they were resolved. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** When it began first and was written to last, as ISO 8601 says it; null where nobody knows. */
  readonly began: string | null;
  readonly ended: string | null;
  readonly statistics: StatisticsView | undefined;
  /** The figures over time, the oldest first. */
  readonly history: readonly HistoryPoint[];
  readonly mutators: readonly MutatorYield[];
  readonly sites: readonly SiteView[];
  readonly faults: readonly FaultView[];
  /** Faults that are only named, since there are many. */
  readonly remainingFaults: readonly TriagedFault[];
  /** Whether machines might take part that compute otherwise in the last digits. */
  readonly mixed: boolean;
  /** What could not be shown, a clause each. */
  readonly gaps: readonly string[];
}

/** The latest figures, by their names in stats.json. */
export interface StatisticsView {
  readonly execs: number;
  readonly elapsedSeconds: number;
  readonly execsPerSecond: number;
  readonly corpus: number;
  readonly seeds: number;
  readonly threshold: number;
  readonly hits: number;
}

export interface HistoryPoint extends Omit<StatisticsView, 'seeds'> {
  readonly faults: number;
  readonly execsPerSecondNow: number;
}

export interface MutatorYield {
  readonly input: string;
  readonly mutator: string;
  readonly mutants: number;
  readonly entries: number;
  readonly signatures: number;
}

export interface SiteView {
  readonly site: string;
  readonly op: string;
  readonly kind: string;
  readonly region: string;
  readonly status: string;
  readonly margin: number | null;
}

/** A fault with the finding that stands for it. */
export interface FaultView {
  readonly fault: TriagedFault;
  readonly finding: Finding;
  /** The command that runs it again. */
  readonly replay: string;
  readonly pictures: readonly PictureView[];
  readonly numbers: readonly NumbersView[];
  readonly texts: readonly TextView[];
  readonly outputs: readonly OutputView[];
  readonly layerDivergence: LayerDivergences | undefined;
  readonly graphLocation: GraphView | undefined;
  readonly lineage: LineageView | undefined;
  /** Some of the other findings on disk. */
  readonly otherFindings: readonly OtherFindingView[];
  /** What could not be shown, a clause each. */
  readonly gaps: readonly string[];
}

export interface PictureView {
  readonly label: string;
  /** A data URI. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** Values of an input that is no picture: those that differ most, and all of them as a strip. */
export interface NumbersView {
  readonly input: string;
  readonly values: number;
  readonly changed: number;
  readonly largest: readonly { readonly place: number; readonly seed: string; readonly now: string }[];
  readonly strips: readonly PictureView[];
}

export interface TextView {
  readonly label: string;
  readonly before: string;
  /** What breaks the rule; empty where nothing is marked. */
  readonly marked: string;
  readonly after: string;
}

/** The largest values of an output in both runs. */
export interface OutputView {
  readonly output: string;
  readonly sides: readonly {
    readonly label: string;
    readonly top: readonly { readonly place: number; readonly value: number }[];
  }[];
}

/** Boxes and arrows with their places, in pixels from the upper left. */
export interface GraphView {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

export interface Box {
  /** The middle. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly note: string;
  readonly role: 'origin' | 'path' | 'around' | 'seed' | 'finding' | 'between';
}

export interface Arrow {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly label: string;
  readonly role: 'path' | 'around';
}

/** How findings of a fault descend from seeds. */
export interface LineageView {
  readonly tree: GraphView;
  /** The line of descent of the finding that is shown, the seed first. */
  readonly steps: readonly LineageStepView[];
}

export interface LineageStepView {
  readonly id: string;
  readonly mutators: readonly string[];
  readonly picture: PictureView | undefined;
}

export interface OtherFindingView {
  readonly path: string;
  readonly distance: Finding['distance'];
  readonly status: Finding['status'];
  readonly minimized: boolean;
}

/** What was reported of a campaign. */
export interface ReportedCampaign extends TriageResult {
  readonly name: string;
  readonly folder: string;
  readonly execs: number;
  readonly seconds: number;
}
