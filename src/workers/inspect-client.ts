import type { ModelDescription } from '../analysis/describe-model.ts';
import type { InferredShapes } from '../model/infer-shapes.ts';
import type { LoadOptions } from '../model/model.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { LOAD_TIMEOUT_MS } from './rerun-client.ts';
import { memoryShare } from './resource-limits.ts';
import { ProcessDied, RpcClient, type RpcClientOptions } from './rpc-client.ts';
import type { InspectApi } from './services/inspect-service.ts';

/** Milliseconds that a run may take that is made for the shapes alone. */
const SHAPES_TIMEOUT_MS = 10_000;

/** Looks at models in a process of its own, which a model may end. */
export class InspectClient {
  readonly #options: Omit<RpcClientOptions, 'script'>;
  #child: RpcClient<InspectApi> | undefined;

  constructor(options: Partial<Omit<RpcClientOptions, 'script'>> = {}) {
    this.#options = { timeout: LOAD_TIMEOUT_MS, memory: memoryShare(1), ...options };
  }

  /** @throws UserError where the model can't be loaded, or loading it ends the process */
  load(path: string, options: LoadOptions): Promise<ModelDescription> {
    return refuseIfProcessDies(path, 'loading it', () => this.#ensureChild().call('load', { path, options }));
  }

  /** The shapes that the loaded model's tensors have in a run, as far as it can be run on zeros. */
  async shapes(tensors: readonly string[]): Promise<InferredShapes> {
    try {
      return await this.#ensureChild().call('shapes', tensors, SHAPES_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof ProcessDied) return { shapes: new Map(), failure: error.message };
      throw error;
    }
  }

  close(): void {
    this.#child?.kill();
  }

  #ensureChild(): RpcClient<InspectApi> {
    if (this.#child?.isAlive !== true) {
      const script = new URL('./services/inspect-service.js', import.meta.url);
      this.#child = new RpcClient({ ...this.#options, script });
    }
    return this.#child;
  }
}
