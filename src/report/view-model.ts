import type { LayerDivergences } from '../analysis/layer-divergence.ts';
import type { Closeness } from '../analysis/numerical-sites/closeness.ts';
import type { NewFaultChance } from '../campaign/findings/new-fault-chance.ts';
import type { SeedStatistics } from '../campaign/monitor/seed-statistics.ts';
import type { IndexRecall } from '../coverage/index/recall-sample.ts';
import type { ClassGap } from '../objectives/class-gap.ts';
import type { Emphasis } from '../saliency/places.ts';
import type { Finding } from '../storage/finding.ts';
import type { TriagedFault, TriageResult } from '../triage/triage.ts';
import type { ReportedFault } from './reported-fault.ts';

/** A campaign as shown in a report. */
export interface CampaignView {
  readonly folder: string;
  /** Path of the model in the campaign's settings, and the display name of the campaign. */
  readonly model: string;
  readonly name: string;
  /** Specs of its objectives. */
  readonly objectives: readonly string[];
  /** Resolved settings. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Its threat model in sentences, and how far the attacker got; empty without one. */
  readonly threat: readonly string[];
  /** Times of its first and last event in ISO 8601; null if unknown. */
  readonly began: string | null;
  readonly ended: string | null;
  readonly statistics: StatisticsView | undefined;
  /** Statistics over time, oldest first. */
  readonly history: readonly HistoryPoint[];
  readonly mutators: readonly MutatorYield[];
  readonly sites: readonly SiteView[];
  /** Accounts of the seeds, for each objective that has any; distances are those of minimized findings where these lie nearer. */
  readonly seedAccounts: readonly SeedStatistics[];
  readonly newFaults: NewFaultChance | undefined;
  readonly faults: readonly FaultView[];
  /** Faults that are only listed, because there are too many. */
  readonly remainingFaults: readonly TriagedFault[];
  /** Whether nodes were accepted whose floating-point results may differ in the last digits. */
  readonly mixed: boolean;
  /** Descriptions of missing or damaged data, a clause each. */
  readonly gaps: readonly string[];
  /** A description of each of its files that is damaged. */
  readonly damage: readonly string[];
}

/** The latest statistics, named as in stats.json. */
export interface StatisticsView {
  readonly execs: number;
  readonly elapsedSeconds: number;
  readonly execsPerSecond: number;
  readonly corpus: number;
  readonly seeds: number;
  readonly threshold: number;
  /** Absent where searches are exact, and in campaigns of earlier versions. */
  readonly indexRecall?: IndexRecall | undefined;
  readonly hits: number;
}

export interface HistoryPoint extends Omit<StatisticsView, 'seeds' | 'indexRecall'> {
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
  /** The closest mutant's value and the bound; undefined where none is known, and in campaigns of earlier versions. */
  readonly closest?: Closeness | undefined;
  /** How it was shown that it cannot go wrong; undefined for others and in campaigns of earlier versions. */
  readonly method?: string | undefined;
}

/** A fault with its representative finding. */
export interface FaultView {
  readonly fault: TriagedFault;
  readonly finding: Finding;
  /** The command that reproduces it. */
  readonly replay: string;
  readonly pictures: readonly PictureView[];
  readonly numbers: readonly NumbersView[];
  /** What the model predicts for the seed and the finding; empty if it was not run. */
  readonly predictions: readonly PredictionView[];
  /** Where the model looked; absent where that was not asked for, or cannot be drawn. */
  readonly explanations?: ExplanationsView | undefined;
  readonly texts: readonly TextView[];
  readonly outputs: readonly OutputView[];
  readonly layerDivergence: LayerDivergences | undefined;
  readonly graphLocation: GraphView | undefined;
  readonly lineage: LineageView | undefined;
  /** Some of the other findings on disk. */
  readonly otherFindings: readonly OtherFindingView[];
  /** Descriptions of missing or damaged data, a clause each. */
  readonly gaps: readonly string[];
}

/** A prediction for one of the testcases of a finding. */
export interface PredictionView {
  /** The testcase: the seed, the finding, or the finding after its objective's change. */
  readonly of: 'seed' | 'finding' | 'transformed';
  /** Which model of a pair; undefined if there is one. */
  readonly model: 'model' | 'second model' | undefined;
  /** `class 7 (98.2 %)` */
  readonly text: string;
}

/** Where the model looked, by the methods that depend on this very model. */
export interface ExplanationsView {
  /** Of each method, the map of the seed and of the finding; of inputs that are not pictures, none. */
  readonly pictures: readonly PictureView[];
  /** The same of inputs that are tables or tokens. */
  readonly places: readonly PlacesView[];
  /** Methods that are left out, with the similarity of their maps to those of a model with random layers. */
  readonly leftOut: readonly string[];
  /** Methods that did not pass either and are shown, since they say what the model reads whatever the class; absent for none. */
  readonly readings?: readonly string[];
}

/** A map of an input that is a table or tokens. */
export interface PlacesView {
  readonly label: string;
  /** Texts of all tokens, with how much each matters; empty for a table. */
  readonly tokens: readonly { readonly text: string; readonly emphasis: Emphasis }[];
  /** The strongest columns or tokens, in their order. */
  readonly strongest: readonly { readonly name: string; readonly value: number }[];
}

export interface PictureView {
  readonly label: string;
  /** The testcase that it shows; absent for differences and maps. */
  readonly of?: PredictionView['of'];
  /** A data URI. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** Values of an input that is not an image: those that changed most, and all of them as a strip. */
export interface NumbersView {
  readonly input: string;
  readonly values: number;
  readonly changed: number;
  readonly largest: readonly {
    readonly index: number;
    readonly seed: string;
    readonly now: string;
    /** Whether the fault depends on it; absent if that was not examined. */
    readonly role?: 'needed' | 'free';
  }[];
  readonly strips: readonly PictureView[];
}

/** A part of a text. */
export interface TextPiece {
  /** `marked` is what violates the objective, or what the fault depends on; `free` is what it does not depend on. */
  readonly kind: 'same' | 'marked' | 'inserted' | 'deleted' | 'free';
  readonly text: string;
}

export interface TextView {
  readonly label: string;
  readonly pieces: readonly TextPiece[];
}

/** The largest values of an output in both runs. */
export interface OutputView {
  readonly output: string;
  /** What its values are numbered by. */
  readonly indexLabel: 'class' | 'index';
  readonly sides: readonly {
    readonly label: string;
    readonly top: readonly {
      readonly index: number;
      readonly value: number;
      /** The name of the class, if the model has one. */
      readonly name?: string | undefined;
    }[];
  }[];
}

/** Boxes and arrows with their positions, in pixels from the top left. */
export interface GraphView {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

export interface Box {
  /** Position of the centre. */
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

/** Lineages of the findings of a fault. */
export interface LineageView {
  readonly tree: GraphView;
  /** Lineage of the representative finding, the seed first. */
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
  /** Of a disagreement of two models about the class. */
  readonly gap: ClassGap | undefined;
  readonly status: Finding['status'];
  readonly minimized: boolean;
}

/** How many mutants ran, and for how long. */
export interface RunFigures {
  readonly execs: number;
  readonly seconds: number;
}

/** Summary of a reported campaign, as in `report --json`. */
export interface ReportedCampaign extends Omit<TriageResult, 'faults'>, Pick<CampaignView, 'newFaults'> {
  /** By severity, the worst first. */
  readonly faults: readonly ReportedFault[];
  readonly name: string;
  readonly folder: string;
  /** Mutants and seconds of the whole campaign. */
  readonly execs: number;
  readonly seconds: number;
  /** Mutants and seconds of the night that is reported, if it is one. */
  readonly tonight?: RunFigures | undefined;
  /** Without the rows of the seeds. */
  readonly seedAccounts: readonly Omit<SeedStatistics, 'accounts'>[];
}
