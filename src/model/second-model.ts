import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { convertTensor, shapeText, type Tensor } from '../tensor/tensor.ts';
import { alignClasses } from './align-classes.ts';
import { inputText } from './input-text.ts';
import type {
  InputSpec,
  Model,
  ModelCapabilities,
  NamedTensor,
  SecondModel,
  UnoptimizedRun,
} from './model.ts';
import { tensorNamed } from './run-result.ts';

/**
 * Runs two models on the same inputs: the result is the reference's, with the outputs of the second model beside it.
 *
 * @param match the second model's output for outputs of the reference; if empty, they are matched by name, then by order
 * @throws UserError if inputs or outputs cannot be matched
 */
export function pairModels(
  reference: Model,
  second: Model,
  match: Readonly<Record<string, string>> | undefined,
): Model {
  const outputs = matchOutputs(reference, second, match);
  const inputs = matchInputs(reference, second);
  const watchedInSecond = [...outputs.values()].filter((name) => !second.outputs.includes(name));
  const secondModel: SecondModel = {
    model: second,
    outputs,
    feeds: (feeds) => inputs.map(({ from, type }) => convertTensor(feeds[from], type)),
  };
  const { path, format, sha256, runtime, graph, watchable } = reference;
  /** What the second model gave, under the reference's names and in the order of its classes. */
  const alignOutputs = (tensors: readonly NamedTensor[]): NamedTensor[] => {
    const tensorsByName = byName(tensors);
    return [...outputs].map(([name, secondName]) => ({
      ...alignClasses(
        tensorNamed(tensorsByName, secondName),
        second.classes?.get(secondName),
        reference.classes?.get(name),
      ),
      name,
    }));
  };
  return {
    path,
    format,
    sha256,
    runtime,
    inputs: reference.inputs,
    outputs: reference.outputs,
    ...(reference.omittedOutputs === undefined ? {} : { omittedOutputs: reference.omittedOutputs }),
    ...(reference.classes === undefined ? {} : { classes: reference.classes }),
    ...(reference.half === undefined ? {} : { half: reference.half }),
    graph,
    watchable,
    secondModel,
    capabilities: pairCapabilities(reference, secondModel, alignOutputs),
    async run(feeds, watched) {
      const result = await reference.run(feeds, watched);
      const secondResult = await second.run(secondModel.feeds(feeds), watchedInSecond);
      const referenceOutputs = byName(result.outputs);
      const secondOutputs = alignOutputs([...secondResult.outputs, ...secondResult.activations]);
      for (const tensor of secondOutputs)
        checkSameSize(tensorNamed(referenceOutputs, tensor.name), tensor, outputs.get(tensor.name));
      return { ...result, secondOutputs };
    },
    constant: (name) => reference.constant(name),
    async dispose() {
      await reference.dispose();
      await second.dispose();
    },
  };
}

/** Those of the reference, and runs of both without optimisation where one of them can. */
function pairCapabilities(
  { capabilities }: Model,
  secondModel: SecondModel,
  alignOutputs: (tensors: readonly NamedTensor[]) => NamedTensor[],
): ModelCapabilities {
  const runs = [capabilities.unoptimizedRun, secondModel.model.capabilities.unoptimizedRun] as const;
  if (runs.every((unoptimized) => unoptimized === undefined)) return capabilities;
  const run: UnoptimizedRun['run'] = async (feeds) => {
    const { outputs = [] } = (await runs[0]?.run(feeds)) ?? {};
    const second = await runs[1]?.run(secondModel.feeds(feeds));
    // An inner tensor that --match names is none of the outputs.
    const isWhole = [...secondModel.outputs.values()].every((name) =>
      second?.outputs.some((tensor) => tensor.name === name),
    );
    return { outputs, secondOutputs: second !== undefined && isWhole ? alignOutputs(second.outputs) : [] };
  };
  return { ...capabilities, unoptimizedRun: { run } };
}

function byName(tensors: readonly NamedTensor[]): ReadonlyMap<string, NamedTensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** For each input of the second model, the reference's input that it takes, and the type to convert that to. */
function matchInputs(
  reference: Model,
  second: Model,
): { readonly from: number; readonly type: Tensor['type'] }[] {
  if (reference.inputs.length !== second.inputs.length) {
    throw new UserError(
      `${second.path} takes ${countInputs(second.inputs)} (${inputNames(second.inputs)}) and ${reference.path} ${reference.inputs.length} (${inputNames(reference.inputs)}): they cannot be compared`,
    );
  }
  const byInputName = second.inputs.map(({ name }) =>
    reference.inputs.findIndex((input) => input.name === name),
  );
  const haveSameNames = byInputName.every((index) => index >= 0);
  return second.inputs.map((input, i) => {
    const from = haveSameNames ? byInputName[i] : i;
    const matched = reference.inputs[from];
    const fits =
      (matched.strings === undefined) === (input.strings === undefined) &&
      matched.shape.length === input.shape.length &&
      matched.shape.every((size, d) => size === null || input.shape[d] === null || size === input.shape[d]);
    if (!fits) {
      throw new UserError(
        `${second.path} takes ${input.name} as ${inputText(input, input.shape)} and ${reference.path} takes ${matched.name} as ${inputText(matched, matched.shape)}: only models of the same input shapes can be compared`,
      );
    }
    return { from, type: input.type };
  });
}

/** The second model's output for each output of the reference that has a counterpart, in the reference's order. */
function matchOutputs(
  reference: Model,
  second: Model,
  match: Readonly<Record<string, string>> = {},
): Map<string, string> {
  const matched = matchNamedOutputs(reference, second, match);
  if (matched.size === 0) matchOutputsByNameAndOrder(reference, second, matched);
  if (matched.size === 0) {
    throw new UserError(
      `the outputs of ${reference.path} (${reference.outputs.join(', ')}) and of ${second.path} (${second.outputs.join(', ')}) cannot be matched: name the pairs with --match ${reference.outputs[0]}=${second.outputs[0]}`,
    );
  }
  return new Map(
    reference.outputs.flatMap((name): [string, string][] => {
      const secondName = matched.get(name);
      return secondName === undefined ? [] : [[name, secondName]];
    }),
  );
}

function matchNamedOutputs(
  reference: Model,
  second: Model,
  match: Readonly<Record<string, string>>,
): Map<string, string> {
  for (const [name, secondName] of Object.entries(match)) {
    if (!reference.outputs.includes(name)) throw unknownOutputError(reference, name);
    if (!second.outputs.includes(secondName) && !second.watchable.includes(secondName))
      throw unknownOutputError(second, secondName);
  }
  return new Map(Object.entries(match));
}

function matchOutputsByNameAndOrder(reference: Model, second: Model, matched: Map<string, string>): void {
  for (const name of reference.outputs) if (second.outputs.includes(name)) matched.set(name, name);
  const unmatched = reference.outputs.filter((name) => !matched.has(name));
  const unmatchedInSecond = second.outputs.filter((name) => !matched.has(name));
  if (unmatched.length === unmatchedInSecond.length)
    unmatched.forEach((name, i) => {
      matched.set(name, unmatchedInSecond[i]);
    });
}

function unknownOutputError({ path, outputs }: Model, name: string): UserError {
  return new UserError(`--match: ${path} has no output ${name}: it has ${outputs.join(', ')}`);
}

/** @throws UserError if two matched outputs differ in size */
function checkSameSize(reference: NamedTensor, second: NamedTensor, secondName = second.name): void {
  if (reference.data.length === second.data.length) return;
  throw new UserError(
    `the outputs cannot be matched: ${reference.name} is ${shapeText(reference.shape)} and the copy's ${secondName} ${shapeText(second.shape)}; name the pairs with --match`,
  );
}

function inputNames(inputs: readonly InputSpec[]): string {
  return inputs.map(({ name }) => name).join(', ');
}

function countInputs({ length }: readonly InputSpec[]): string {
  return plural(length, 'input');
}
