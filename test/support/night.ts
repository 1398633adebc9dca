import type { FailedCampaign } from '../../src/report/fault-groups.ts';
import type { ReportedFault } from '../../src/report/reported-fault.ts';
import type { CampaignView, FaultView, ReportedCampaign } from '../../src/report/view-model.ts';
import type { Finding } from '../../src/storage/finding.ts';

/** A fault as a night reports it. */
export function reportedFault(campaign: string, change: Partial<ReportedFault> = {}): ReportedFault {
  const { signature = 'nonfinite-inf-log' } = change;
  const path = `nights/campaigns/${campaign}/0001/findings/${signature}/0123456789abcdef`;
  return {
    signature,
    objective: 'nonfinite',
    summary: 'Log makes -Infinity of 0, seen in loss',
    firstSeen: '2026-11-28T00:00:00.000Z',
    state: 'known',
    campaigns: [`nights/campaigns/${campaign}/0001`],
    hits: 12,
    findings: 5,
    flaky: 0,
    batchDependent: 0,
    reproduced: '10/10',
    distance: { linf: 1.97, l2: 4, l0: 19 },
    broken: null,
    path,
    input: `${path}/input.png`,
    replay: `npx neurofuzz replay ${path}`,
    minimized: 1,
    isMinimized: true,
    ...change,
  };
}

/** A campaign as a night reports it. */
export function reportedCampaign(name: string, change: Partial<ReportedCampaign> = {}): ReportedCampaign {
  return {
    name,
    folder: `nights/campaigns/${name}/0001`,
    faults: [],
    fixed: [],
    lost: [],
    ignored: [],
    otherSignatures: [],
    damage: [],
    execs: 6_301_312,
    seconds: 5_800,
    tonight: { execs: 2_958_016, seconds: 1_440 },
    newFaults: undefined,
    seedAccounts: [],
    ...change,
  };
}

function faultView(fault: ReportedFault): FaultView {
  const finding = { distance: fault.distance, lineage: [], mutators: [] } as unknown as Finding;
  return {
    fault,
    finding,
    replay: fault.replay,
    pictures: [],
    numbers: [],
    predictions: [],
    texts: [],
    outputs: [],
    layerDivergence: undefined,
    graphLocation: undefined,
    lineage: undefined,
    otherFindings: [],
    gaps: [],
  };
}

/** What the page shows of a campaign, without statistics. */
export function campaignView({ name, folder, faults }: ReportedCampaign): CampaignView {
  return {
    folder,
    model: `${name}.onnx`,
    name,
    objectives: ['nonfinite'],
    settings: [],
    threat: [],
    began: null,
    ended: null,
    statistics: undefined,
    history: [],
    mutators: [],
    sites: [],
    seedAccounts: [],
    newFaults: undefined,
    faults: faults.map(faultView),
    remainingFaults: [],
    mixed: false,
    gaps: [],
    damage: [],
  };
}

/** Twenty campaigns with fifty known faults, a new one in the seventeenth, and two that are fixed; another could not run. */
export function largeNight(): {
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly FailedCampaign[];
  readonly added: ReportedFault;
} {
  const added = reportedFault('speech-17', {
    signature: 'nonfinite-nan-div',
    summary: 'Div makes NaN of 0 and 0, seen in probabilities',
    state: 'new',
    hits: 3,
  });
  const names = Array.from({ length: 20 }, (_, i) => `${i % 2 === 0 ? 'speech' : 'vision'}-${i + 1}`);
  const campaigns = names.map((name, i) => {
    const known = Array.from({ length: i < 10 ? 3 : 2 }, (_, k) =>
      reportedFault(name, { signature: `assert-layer-${k + 1}`, objective: 'assert', hits: 900 - i }),
    );
    const old = {
      signature: 'nonfinite-inf-exp',
      objective: 'nonfinite',
      summary: 'Exp overflows',
      firstSeen: null,
    };
    return reportedCampaign(name, {
      faults: name === 'speech-17' ? [...known, added] : known,
      fixed: i < 2 ? [old] : [],
    });
  });
  return { campaigns, failures: [{ name: 'gone', message: 'cannot read the model gone.onnx' }], added };
}
