import { drawCount, makeCountParameter } from '../numeric/count-parameter.ts';
import { makeTokenMutator } from './body.ts';

const MOST = makeCountParameter('tokens', 4);

/** Replaces one token or a few by others of the vocabulary. */
export const substitute = makeTokenMutator(
  {
    name: 'substitute',
    help: 'replaces one token or a few by any others',
    source: 'byte mutations of AFL (Zalewski, technical whitepaper), for tokens',
    parameters: [MOST],
  },
  undefined,
  (value) => {
    const most = value(MOST);
    return (body, { context: { random }, draw }) => {
      const count = drawCount(most, random);
      for (let n = 0; n < count; n++) body.ids[random.below(body.length)] = draw();
    };
  },
);
