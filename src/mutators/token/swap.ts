import { makeTokenMutator } from './body.ts';

/** Swaps two tokens: neighbours in half of the cases. */
export const swap = makeTokenMutator(
  { name: 'swap', help: 'swaps two tokens', source: 'token swaps of EDA (Wei & Zou 2019)' },
  undefined,
  () =>
    (body, { context: { random } }) => {
      const a = random.below(body.length);
      const b = random.uniform() < 0.5 ? Math.min(a + 1, body.length - 1) : random.below(body.length);
      const held = body.ids[a];
      body.ids[a] = body.ids[b];
      body.ids[b] = held;
    },
);
