import type { ObservedShapes } from '../model/infer-shapes.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { orRefuse } from './refusal.ts';
import { LOAD_TIMEOUT } from './rerun-client.ts';
import { memoryShare } from './resource-limits.ts';
import { Child, type ChildOptions, ProcessDied } from './rpc-client.ts';
import type { DescribeApi } from './services/inspect-service.ts';

/** Milliseconds that a run may take that is made for the shapes alone. */
const SHAPES_TIMEOUT = 10_000;

/** Looks at models in a process of its own, which a model may end. */
export class Inspector {
  readonly #options: Omit<ChildOptions, 'script'>;
  #child: Child<DescribeApi> | undefined;

  constructor(options: Partial<Omit<ChildOptions, 'script'>> = {}) {
    this.#options = { timeout: LOAD_TIMEOUT, memory: memoryShare(1), ...options };
  }

  /** @throws UserError where the model can't be loaded, or loading it ends the process */
  load(path: string, options: LoadOptions): Promise<ModelInfo> {
    return orRefuse(path, 'loading it', () => this.#running().call('load', { path, options }));
  }

  /** The shapes that the loaded model's tensors have in a run, as far as it can be run on zeros. */
  async shapes(tensors: readonly string[]): Promise<ObservedShapes> {
    try {
      return await this.#running().call('shapes', tensors, SHAPES_TIMEOUT);
    } catch (error) {
      if (error instanceof ProcessDied) return { shapes: new Map(), failed: error.message };
      throw error;
    }
  }

  close(): void {
    this.#child?.kill();
  }

  #running(): Child<DescribeApi> {
    if (this.#child?.alive !== true) {
      const script = new URL('./services/inspect-service.js', import.meta.url);
      this.#child = new Child({ ...this.#options, script });
    }
    return this.#child;
  }
}
