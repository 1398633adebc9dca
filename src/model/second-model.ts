import { UserError } from '../core/errors.ts';
import { convertTensor } from '../tensor/convert.ts';
import { shapeText, type Tensor } from '../tensor/tensor.ts';
import type { InputSpec, Model, NamedTensor, SecondModel } from './model.ts';

/**
 * A model that runs another one beside it on the same tensors: its results are the reference's, with those of the
 * copy next to them.
 *
 * @param match of outputs, the copy's name by the reference's; those not named are matched by name, then by order
 * @throws UserError where inputs or outputs can't be matched
 */
export function pairModels(
  reference: Model,
  copy: Model,
  match: Readonly<Record<string, string>> | undefined,
): Model {
  const outputs = matchOutputs(reference, copy, match);
  const inputs = matchInputs(reference, copy);
  const taken = [...outputs.values()];
  const feedsOf = (own: readonly Tensor[]): Tensor[] =>
    inputs.map(({ from, type }) => convertTensor(own[from], type));
  const pair: SecondModel = { model: copy, outputs, feeds: feedsOf };
  const { run, nonFinite, expose, constant } = reference;
  return {
    path: reference.path,
    format: reference.format,
    sha256: reference.sha256,
    runtime: reference.runtime,
    inputs: reference.inputs,
    outputs: reference.outputs,
    graph: reference.graph,
    watchable: reference.watchable,
    secondModel: pair,
    async run(feeds, watched) {
      const own = await run.call(reference, feeds, watched);
      const other = await copy.run(
        feedsOf(feeds),
        taken.filter((name) => !copy.outputs.includes(name)),
      );
      const results = new Map(
        [...other.outputs, ...other.activations].map((tensor) => [tensor.name, tensor]),
      );
      const matched = [...outputs].map(([name, theirs]): NamedTensor => {
        const tensor = results.get(theirs) as NamedTensor;
        checkSameSize(own.outputs.find((one) => one.name === name) as NamedTensor, tensor);
        return { ...tensor, name };
      });
      return { ...own, secondOutputs: matched };
    },
    ...(nonFinite === undefined
      ? {}
      : { nonFinite: (feeds, tensors) => nonFinite.call(reference, feeds, tensors) }),
    ...(expose === undefined ? {} : { expose: (tensors) => expose.call(reference, tensors) }),
    constant: (name) => constant.call(reference, name),
    async dispose() {
      await reference.dispose();
      await copy.dispose();
    },
  };
}

/** Which of the reference's inputs each input of the copy gets, and as what type. */
function matchInputs(
  reference: Model,
  copy: Model,
): { readonly from: number; readonly type: Tensor['type'] }[] {
  if (reference.inputs.length !== copy.inputs.length) {
    throw new UserError(
      `${copy.path} takes ${countText(copy.inputs.length, 'input')} (${inputNames(copy.inputs)}) and ${reference.path} ${reference.inputs.length} (${inputNames(reference.inputs)}): they cannot be compared`,
    );
  }
  const byName = copy.inputs.map(({ name }) => reference.inputs.findIndex((own) => own.name === name));
  const isNamed = byName.every((place) => place >= 0);
  return copy.inputs.map((input, i) => {
    const from = isNamed ? byName[i] : i;
    const own = reference.inputs[from];
    const fits =
      own.shape.length === input.shape.length &&
      own.shape.every((size, d) => size === null || input.shape[d] === null || size === input.shape[d]);
    if (!fits) {
      throw new UserError(
        `${copy.path} takes ${input.name} as ${shapeText(input.shape)} and ${reference.path} takes ${own.name} as ${shapeText(own.shape)}: only models of the same input shapes can be compared`,
      );
    }
    return { from, type: input.type };
  });
}

/** The copy's name of each output of the reference that it has. */
function matchOutputs(
  reference: Model,
  copy: Model,
  match: Readonly<Record<string, string>> = {},
): Map<string, string> {
  const matched = new Map<string, string>();
  for (const [own, theirs] of Object.entries(match)) {
    if (!reference.outputs.includes(own)) throw unknownOutputError(reference, own);
    if (!copy.outputs.includes(theirs) && !copy.watchable.includes(theirs))
      throw unknownOutputError(copy, theirs);
    matched.set(own, theirs);
  }
  if (matched.size > 0) return inOutputOrder(reference, matched);
  for (const name of reference.outputs) if (copy.outputs.includes(name)) matched.set(name, name);
  const taken = new Set(matched.values());
  const left = reference.outputs.filter((name) => !matched.has(name));
  const theirs = copy.outputs.filter((name) => !taken.has(name));
  if (left.length === theirs.length) left.forEach((name, i) => matched.set(name, theirs[i]));
  if (matched.size === 0) {
    throw new UserError(
      `the outputs of ${reference.path} (${reference.outputs.join(', ')}) and of ${copy.path} (${copy.outputs.join(', ')}) cannot be matched: say which belong together with --match ${reference.outputs[0]}=${copy.outputs[0]}`,
    );
  }
  return inOutputOrder(reference, matched);
}

function inOutputOrder({ outputs }: Model, matched: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    outputs.flatMap((name): [string, string][] => {
      const theirs = matched.get(name);
      return theirs === undefined ? [] : [[name, theirs]];
    }),
  );
}

function unknownOutputError({ path, outputs }: Model, name: string): UserError {
  return new UserError(`--match: ${path} has no output ${name}: it has ${outputs.join(', ')}`);
}

function checkSameSize(own: NamedTensor, theirs: NamedTensor): void {
  if (own.data.length === theirs.data.length) return;
  throw new UserError(
    `the outputs cannot be matched: ${own.name} is ${shapeText(own.shape)} and the copy's ${theirs.name} ${shapeText(theirs.shape)}; say which belong together with --match`,
  );
}

function inputNames(inputs: readonly InputSpec[]): string {
  return inputs.map(({ name }) => name).join(', ');
}

function countText(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
