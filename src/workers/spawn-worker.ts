import { type ProcessLimits, RpcClient } from './rpc-client.ts';
import type { FuzzApi } from './services/fuzz-service.ts';

/** Starts a campaign's worker process. */
export function spawnWorker(limits: ProcessLimits): RpcClient<FuzzApi> {
  return new RpcClient<FuzzApi>({
    ...limits,
    script: new URL('./services/fuzz-service.js', import.meta.url),
  });
}
