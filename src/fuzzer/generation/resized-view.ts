import { resizeTestcase, type SizeChange } from '../../inputs/sizes/size-change.ts';
import type { CorpusEntryData } from '../scheduling/task.ts';
import type { CorpusView } from '../task-runner.ts';

/**
 * The corpus with a dimension of every entry at another size, for a task whose mutants have that size. Nothing is new there:
 * activations at another size are not compared with those of the corpus.
 *
 * @param specialOf ids of an input's tokens that stay
 */
export function resizedView(
  view: CorpusView,
  change: SizeChange,
  specialOf: (input: number) => readonly number[],
): CorpusView {
  const resized = new Map<number, CorpusEntryData>();
  return {
    history: undefined,
    entryData(entry) {
      let data = resized.get(entry);
      if (data === undefined) {
        const original = view.entryData(entry);
        data = { ...original, data: resizeTestcase(original.data, change, specialOf) };
        resized.set(entry, data);
      }
      return data;
    },
  };
}
