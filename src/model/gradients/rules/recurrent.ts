import { type Differentiation, integerOf, type Rule, textOf } from '../rule.ts';
import type { TensorWriter, Value } from '../tensor-writer.ts';

/**
 * Recurrent layers are unrolled by their length: the steps are computed again forwards, and each step's gradient backwards.
 * Layout as in the operators' definitions: X `[time, batch, features]`, W `[directions, gates·hidden, features]`,
 * R `[directions, gates·hidden, hidden]`, B `[directions, 2·gates·hidden]`.
 */

/** Time steps beyond which a layer is not unrolled. */
const MAX_STEPS = 512;

/** One direction of a layer, with the weights transposed for products with rows. */
interface Direction {
  readonly w: TensorWriter;
  readonly hidden: number;
  readonly batch: number;
  /** `[features, gates·hidden]`. */
  readonly weights: Value;
  /** `[hidden, gates·hidden]`. */
  readonly recurrence: Value;
  /** Of each step in the direction's order, X·W + b, `[batch, gates·hidden]`. */
  readonly inputs: readonly Value[];
  /** Recurrent bias, `[1, gates·hidden]`; undefined for none. */
  readonly recurrentBias: Value | undefined;
  readonly resetAfter: boolean;
}

/** What one step computed, and how its gradient goes back. */
interface Step {
  readonly state: Value;
  readonly cell?: Value;
  /** Gradients of the gates' inputs from X, of the state before and of the cell before. */
  back(state: Value, cell: Value | undefined): { gates: Value; state: Value; cell?: Value };
}

type Cell = (direction: Direction, gates: Value, state: Value, cell: Value | undefined) => Step;

const lstmCell: Cell = ({ w, hidden, recurrence }, input, state, cell = w.zeros(state.shape)) => {
  const gates = w.add(input, w.matmul(state, recurrence));
  const gate = (i: number): Value => w.slice(gates, 1, i * hidden, (i + 1) * hidden);
  const [i, o, f] = [0, 1, 2].map((k) => w.unary('Sigmoid', gate(k)));
  const c = w.unary('Tanh', gate(3));
  const next = w.add(w.mul(f, cell), w.mul(i, c));
  const squashed = w.unary('Tanh', next);
  return {
    state: w.mul(o, squashed),
    cell: next,
    back(gState, gCell) {
      const through = w.mul(w.mul(gState, o), slopeOfTanh(w, squashed));
      const gNext = gCell === undefined ? through : w.add(gCell, through);
      const gGates = w.concat(
        [
          w.mul(w.mul(gNext, c), slopeOfSigmoid(w, i)),
          w.mul(w.mul(gState, squashed), slopeOfSigmoid(w, o)),
          w.mul(w.mul(gNext, cell), slopeOfSigmoid(w, f)),
          w.mul(w.mul(gNext, i), slopeOfTanh(w, c)),
        ],
        1,
      );
      return {
        gates: gGates,
        state: w.matmul(gGates, w.transposeMatrix(recurrence)),
        cell: w.mul(gNext, f),
      };
    },
  };
};

const gruCell: Cell = (direction, input, state) => {
  const { w, hidden, recurrence, recurrentBias, resetAfter } = direction;
  const part = (x: Value, from: number, to: number): Value => w.slice(x, 1, from * hidden, to * hidden);
  const matrix = (from: number, to: number): Value => part(recurrence, from, to);
  const bias = (from: number, to: number): Value | undefined =>
    recurrentBias && part(recurrentBias, from, to);
  const plus = (x: Value, y: Value | undefined): Value => (y === undefined ? x : w.add(x, y));
  const both = w.add(part(input, 0, 2), plus(w.matmul(state, matrix(0, 2)), bias(0, 2)));
  const [z, r] = [0, 1].map((k) => w.unary('Sigmoid', part(both, k, k + 1)));
  const memory = resetAfter ? plus(w.matmul(state, matrix(2, 3)), bias(2, 3)) : undefined;
  const recalled =
    memory === undefined ? plus(w.matmul(w.mul(r, state), matrix(2, 3)), bias(2, 3)) : w.mul(r, memory);
  const n = w.unary('Tanh', w.add(part(input, 2, 3), recalled));
  return {
    state: w.add(w.mul(w.oneMinus(z), n), w.mul(z, state)),
    back(g) {
      const gN = w.mul(w.mul(g, w.oneMinus(z)), slopeOfTanh(w, n));
      const gZ = w.mul(w.mul(g, w.sub(state, n)), slopeOfSigmoid(w, z));
      const candidate = w.transposeMatrix(matrix(2, 3));
      const gReset = memory === undefined ? w.mul(w.matmul(gN, candidate), state) : w.mul(gN, memory);
      const gR = w.mul(gReset, slopeOfSigmoid(w, r));
      const throughCandidate =
        memory === undefined ? w.mul(w.matmul(gN, candidate), r) : w.matmul(w.mul(gN, r), candidate);
      const throughGates = w.matmul(w.concat([gZ, gR], 1), w.transposeMatrix(matrix(0, 2)));
      return {
        gates: w.concat([gZ, gR, gN], 1),
        state: w.add(w.mul(g, z), w.add(throughCandidate, throughGates)),
      };
    },
  };
};

const rnnCell: Cell = ({ w, recurrence }, input, state) => {
  const next = w.unary('Tanh', w.add(input, w.matmul(state, recurrence)));
  return {
    state: next,
    back(g) {
      const gGates = w.mul(g, slopeOfTanh(w, next));
      return { gates: gGates, state: w.matmul(gGates, w.transposeMatrix(recurrence)) };
    },
  };
};

function slopeOfSigmoid(w: TensorWriter, y: Value): Value {
  return w.mul(y, w.oneMinus(y));
}

function slopeOfTanh(w: TensorWriter, y: Value): Value {
  return w.oneMinus(w.mul(y, y));
}

/** Operands of each kind of layer. */
const INITIAL_STATE = 5;
const INITIAL_CELL = 6;

function recurrent(gates: number, cellOf: Cell): Rule {
  return (at) => {
    const { writer: w } = at;
    if (!isPlain(at)) return undefined;
    const [steps, batch] = at.inputShape(0);
    const directions = at.inputShape(1)[0];
    if (steps > MAX_STEPS) return undefined;
    const parts = Array.from({ length: directions }, (_, d) => differentiate(at, gates, cellOf, d));
    const hidden = at.inputShape(2)[2];
    const stack = (values: readonly Value[]): Value =>
      w.concat(
        values.map((value) => w.reshape(value, [1, batch, hidden])),
        0,
      );
    const gradients: (Value | undefined)[] = [w.sum(parts.map(({ x }) => x))];
    if (at.wants(INITIAL_STATE)) gradients[INITIAL_STATE] = stack(parts.map(({ state }) => state));
    if (at.wants(INITIAL_CELL))
      gradients[INITIAL_CELL] = stack(parts.map(({ cell }) => cell ?? w.zeros([batch, hidden])));
    return gradients;
  };
}

/** Whether a layer is used as exporters write it, with the default functions and for all of its length. */
function isPlain(at: Differentiation): boolean {
  const lengths = at.hasInput(4) ? at.numbers(4) : [];
  return (
    hasUsualFunctions(at) &&
    at.node.attributes?.clip === undefined &&
    integerOf(at, 'input_forget', 0) === 0 &&
    integerOf(at, 'layout', 0) === 0 &&
    (lengths?.every((length) => length === at.inputShape(0)[0]) ?? false) &&
    !at.hasInput(7) &&
    [1, 2, 3].every((i) => !at.wants(i))
  );
}

/** Functions of the gates and of the state, by operator. */
const USUAL_FUNCTIONS: Readonly<Record<string, string>> = {
  LSTM: 'Sigmoid,Tanh,Tanh',
  GRU: 'Sigmoid,Tanh',
  RNN: 'Tanh',
};

/** Whether the functions are the usual ones, which some exporters write out, of each direction. */
function hasUsualFunctions(at: Differentiation): boolean {
  const usual = USUAL_FUNCTIONS[at.node.op];
  const given = textOf(at, 'activations', usual).toLowerCase();
  return [usual, `${usual},${usual}`].some((functions) => functions.toLowerCase() === given);
}

/** The gradients that one direction contributes: of X, and of its initial state and cell, `[batch, hidden]`. */
function differentiate(
  at: Differentiation,
  gates: number,
  cellOf: Cell,
  index: number,
): { x: Value; state: Value; cell: Value | undefined } {
  const { writer: w } = at;
  const [steps, batch, features] = at.inputShape(0);
  const hidden = at.inputShape(2)[2];
  const isReverse = index === 1 || textOf(at, 'direction', 'forward') === 'reverse';
  const pick = (value: Value): Value => {
    const taken = w.slice(value, 0, index, index + 1);
    return w.reshape(taken, taken.shape.slice(1));
  };
  const direction = directionOf(at, gates, pick, isReverse);
  const initial = (input: number): Value =>
    at.hasInput(input) ? pick(at.operand(input)) : w.zeros([batch, hidden]);
  const run: Step[] = [];
  let state = initial(INITIAL_STATE);
  let cell: Value | undefined = cellOf === lstmCell ? initial(INITIAL_CELL) : undefined;
  for (const input of direction.inputs) {
    const step = cellOf(direction, input, state, cell);
    run.push(step);
    ({ state, cell } = step);
  }
  // Y is [time, directions, batch, hidden]; Y_h and Y_c are [directions, batch, hidden].
  const [gY, gLast, gLastCell] = [0, 1, 2].map((output) => at.upstream(output));
  let gState = gLast === undefined ? undefined : pick(gLast);
  let gCell = gLastCell === undefined ? undefined : pick(gLastCell);
  const gGates = new Array<Value>(steps);
  for (let k = steps - 1; k >= 0; k--) {
    const time = isReverse ? steps - 1 - k : k;
    const arriving =
      gY && w.reshape(w.slice(w.slice(gY, 0, time, time + 1), 1, index, index + 1), [batch, hidden]);
    const total =
      w.sum([gState, arriving].filter((value) => value !== undefined)) ?? w.zeros([batch, hidden]);
    const back = run[k].back(total, gCell);
    gGates[time] = w.reshape(back.gates, [1, batch, gates * hidden]);
    gState = back.state;
    gCell = back.cell;
  }
  const all = w.reshape(w.concat(gGates, 0), [steps * batch, gates * hidden]);
  const x = w.matmul(all, w.transposeMatrix(direction.weights));
  return {
    x: w.reshape(x, [steps, batch, features]),
    state: gState ?? w.zeros([batch, hidden]),
    cell: gCell,
  };
}

function directionOf(
  at: Differentiation,
  gates: number,
  pick: (value: Value) => Value,
  isReverse: boolean,
): Direction {
  const { writer: w } = at;
  const [steps, batch, features] = at.inputShape(0);
  const hidden = at.inputShape(2)[2];
  const size = gates * hidden;
  const weights = w.transposeMatrix(pick(at.operand(1)));
  const recurrence = w.transposeMatrix(pick(at.operand(2)));
  const bias = at.hasInput(3) ? w.reshape(pick(at.operand(3)), [1, 2 * size]) : undefined;
  const inputBias = bias && w.slice(bias, 1, 0, size);
  const recurrentBias = bias && w.slice(bias, 1, size, 2 * size);
  let all = w.matmul(w.reshape(at.operand(0), [steps * batch, features]), weights);
  if (inputBias !== undefined) all = w.add(all, inputBias);
  // The bias of a GRU's candidate stands behind its reset gate.
  const isGru = at.node.op === 'GRU';
  if (recurrentBias !== undefined && !isGru) all = w.add(all, recurrentBias);
  const inTime = Array.from({ length: steps }, (_, t) => w.slice(all, 0, t * batch, (t + 1) * batch));
  return {
    w,
    hidden,
    batch,
    weights,
    recurrence,
    inputs: isReverse ? inTime.reverse() : inTime,
    recurrentBias: isGru ? recurrentBias : undefined,
    resetAfter: integerOf(at, 'linear_before_reset', 0) !== 0,
  };
}

export const RECURRENT_RULES: Readonly<Record<string, Rule>> = {
  LSTM: recurrent(4, lstmCell),
  GRU: recurrent(3, gruCell),
  RNN: recurrent(1, rnnCell),
};
