import { drawFew, few } from '../numeric/count-parameter.ts';
import { tokenMutator } from './body.ts';

const MOST = few('tokens', 4);

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
      const count = drawFew(most, random);
      for (let n = 0; n < count; n++) body.ids[random.below(body.length)] = draw();
    };
  },
);
