import type { FaultView } from '../../report/view-model.ts';
import type { FindingRow } from '../protocol.ts';
import { type Fetched, useFetched } from './use-fetched.ts';

/** A fault as the server describes it. */
export interface FaultDetail {
  readonly view: FaultView;
  readonly findings: readonly FindingRow[];
  /** Whether the model has not been run: the request that runs it gives more. */
  readonly isModelPending: boolean;
}

export interface FetchedFault extends Fetched<FaultDetail> {
  /** Whether the model is being run. */
  readonly isModelRunning: boolean;
}

/**
 * Fetches a fault: first what the files tell, then also what the model gives, which may take long. If that fails, the first stays.
 *
 * @param version fetches anew where it changes
 */
export function useFault(query: Readonly<Record<string, string>>, version: string): FetchedFault {
  const { data: files, error } = useFetched<FaultDetail>('fault', query, version);
  const isWanted = files?.isModelPending === true;
  const answered = useFetched<FaultDetail>('fault', { ...query, model: 'run' }, version, isWanted);
  const isCurrent = isWanted && answered.data?.view.finding.id === files.view.finding.id;
  return {
    data: isCurrent ? answered.data : files,
    error,
    isModelRunning: isWanted && !isCurrent && answered.error === undefined,
  };
}
