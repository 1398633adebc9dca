import type { FuzzerState } from '../fuzzer/state.ts';
import type { CampaignStore } from '../storage/campaign-store.ts';
import type { RerunClient } from '../workers/rerun-client.ts';
import type { FaultRegistry } from './findings/fault-registry.ts';
import type { FindingWriter } from './findings/finding-writer.ts';
import type { ThreatChecker } from './obeys.ts';

/** The parts of a campaign that is open: its folder, its findings and the engine's state. */
export interface CampaignParts {
  readonly store: CampaignStore;
  /** Descriptions of what was damaged in the folder and set aside. */
  readonly setAside: readonly string[];
  readonly faults: FaultRegistry;
  readonly findings: FindingWriter;
  readonly rerunClient: RerunClient;
  readonly state: FuzzerState;
  /** Checks findings against the threat model; undefined without one. */
  readonly threat: ThreatChecker | undefined;
}
