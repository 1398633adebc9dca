import { CODEPOINTS } from '../../config/values.ts';
import type { Graph } from '../graph/graph.ts';
import type { Model } from '../model.ts';
import { bindInputs } from './bind-inputs.ts';
import { ANSWER, type GenerationSettings, LOG_PROBS, PROMPT } from './generation.ts';
import { TextGenerator } from './text-generator.ts';
import { readTokenizer } from './tokenizer.ts';

/** The network's own graph is hidden: one run of the generative model is many runs of it. */
const EMPTY_GRAPH: Graph = {
  nodes: [],
  inputs: [PROMPT],
  outputs: [ANSWER, LOG_PROBS],
  constants: new Map(),
  values: new Map(),
  shapes: new Map(),
  types: new Map(),
};

/**
 * Wraps a next-token model as one that completes prompts: input `prompt`, int32 `[batch, length]`, padded with
 * `NO_TOKEN`; outputs `answer`, int32, and `chosen`, float32 log-probabilities, both `[batch, settings.length]`.
 *
 * @param network takes tokens and gives logits for the next one, with or without a recurrent state or KV cache
 * @param onStep called after each run of the network
 * @throws UserError if its inputs and outputs cannot be told apart, or the vocabulary does not fit it
 */
export async function asGenerativeModel(
  network: Model,
  settings: GenerationSettings,
  onStep: () => void = () => {},
): Promise<Model> {
  // Code points have no number of their own: the model decides how many there are.
  const known = settings.vocabulary === CODEPOINTS ? undefined : await readTokenizer(settings.vocabulary);
  const binding = await bindInputs(network, settings, known?.tokens.length);
  const tokenizer = known ?? (await readTokenizer(settings.vocabulary, binding.vocabularySize));
  const generator = new TextGenerator(network, binding, tokenizer, settings, onStep);
  const { path, format, sha256, runtime } = network;
  return {
    path,
    format,
    sha256,
    runtime,
    inputs: [{ name: PROMPT, type: 'int32', shape: [null, null] }],
    outputs: [ANSWER, LOG_PROBS],
    graph: EMPTY_GRAPH,
    watchable: [ANSWER, LOG_PROBS, ...generator.watchable],
    capabilities: { textGeneration: generator },
    run: ([prompts], watched) => generator.run(prompts, watched),
    constant: () => undefined,
    dispose: () => network.dispose(),
  };
}
