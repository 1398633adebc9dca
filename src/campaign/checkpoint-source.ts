import type { FuzzerState, SavedFuzzerState } from '../fuzzer/state.ts';
import type { Checkpoint } from '../storage/checkpoint.ts';
import type { FaultRegistry, SavedFaults } from './findings/fault-registry.ts';

/** The state that a campaign resumes from: the engine's and the faults'. */
export interface SavedCampaignState extends SavedFuzzerState {
  readonly faults: SavedFaults;
}

type CheckpointContent = Omit<Checkpoint<SavedCampaignState>, 'formatVersion'>;

export interface CheckpointSourceOptions {
  readonly state: FuzzerState;
  readonly faults: FaultRegistry;
  /** Seconds of all sessions so far. */
  readonly elapsedSeconds: () => number;
}

/** Captures checkpoints of a running campaign. */
export class CheckpointSource {
  readonly #options: CheckpointSourceOptions;
  #pinned: CheckpointContent | undefined;

  constructor(options: CheckpointSourceOptions) {
    this.#options = options;
  }

  /**
   * Pins the current state as the one to resume from. The effect of a budget's last tasks depends on where the budget
   * ends: the last task is cut, and results are no longer held back. With a larger budget these tasks run again from the
   * pinned state, so that the campaign ends in the same bytes as if the larger budget had been given at once.
   */
  pin(): void {
    this.#pinned ??= this.#capture();
  }

  get checkpoint(): CheckpointContent {
    return this.#pinned === undefined
      ? this.#capture()
      : { ...this.#pinned, elapsedSeconds: this.#options.elapsedSeconds() };
  }

  #capture(): CheckpointContent {
    const { state, faults, elapsedSeconds } = this.#options;
    return {
      entries: state.corpus.size.count,
      width: state.width,
      elapsedSeconds: elapsedSeconds(),
      state: { ...state.save(), faults: faults.save() },
    };
  }
}
