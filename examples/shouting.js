import { defineObjective } from 'neurofuzz';

/** An answer of which more than half the letters are capitals. */
const judge = ({ texts = [] }, report) => {
  texts.forEach(({ prompt, answer }, row) => {
    const letters = answer.match(/\p{L}/gu) ?? [];
    const capitals = letters.filter((letter) => letter !== letter.toLowerCase()).length;
    if (letters.length >= 10 && capitals > letters.length / 2)
      report(row, { summary: `${capitals} of ${letters.length} letters shout`, details: { prompt, answer } });
  });
};

export default defineObjective({ name: 'shouting', make: () => ({ judge }) });
