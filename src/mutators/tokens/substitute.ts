import { tokenMutator } from './body.ts';

const MOST = {
  name: 'most',
  default: 4,
  help: 'most tokens that are changed; how many is drawn, few more often than many',
  between: [0, 1e6],
} as const;

/** Puts other tokens of the vocabulary in the place of one or a few. */
export const substitute = tokenMutator(
  {
    name: 'substitute',
    help: 'one token or a few become any others',
    source: 'byte mutations of AFL (Zalewski, technical whitepaper), for tokens',
    parameters: [MOST],
  },
  undefined,
  (value) => {
    const most = Math.floor(value(MOST));
    return (body, { given: { random }, draw }) => {
      const count = Math.max(1, Math.ceil(most ** random.uniform()));
      for (let n = 0; n < count; n++) body.ids[random.below(body.length)] = draw();
    };
  },
);
