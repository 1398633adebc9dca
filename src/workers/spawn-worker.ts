import { processScript } from '../core/package-files.ts';
import { type ProcessLimits, RpcClient } from './rpc-client.ts';
import type { FuzzApi } from './services/fuzz-service.ts';

/** Starts a campaign's worker process. */
export function spawnWorker(limits: ProcessLimits): RpcClient<FuzzApi> {
  return new RpcClient<FuzzApi>({
    ...limits,
    script: processScript('fuzz-service'),
  });
}
