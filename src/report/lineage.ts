import type { Lineage } from '../inputs/testcase.ts';
import { readJournal } from '../storage/journal.ts';
import { type Link, layOutGraph, type UnplacedBox } from './graph-location.ts';
import type { GraphView } from './view-model.ts';

/** Findings of a fault whose descent is drawn. */
const MAX_FINDINGS = 6;

/** Where testcases of a campaign come from. */
export class LineageIndex {
  readonly #byId: ReadonlyMap<string, Lineage>;

  private constructor(lines: ReadonlyMap<string, Lineage>) {
    this.#byId = lines;
  }

  /** @param findings what smaller findings may come from */
  static async read(campaign: string, findings: readonly Lineage[]): Promise<LineageIndex> {
    const { lines } = await readJournal(campaign, Number.POSITIVE_INFINITY, []);
    const all = [...findings, ...lines.map(({ record }) => record)];
    return new LineageIndex(new Map(all.map((line) => [line.id, line])));
  }

  /** Ids from the seed to a testcase, which is the last; what the corpus no longer knows is left out. */
  ancestryOf(testcase: Lineage): Lineage[] {
    const line: Lineage[] = [testcase];
    const seen = new Set([testcase.id]);
    for (let parent = testcase.parent; parent !== null && !seen.has(parent); ) {
      seen.add(parent);
      const above = this.#byId.get(parent);
      if (above === undefined) break;
      line.unshift(above);
      parent = above.parent;
    }
    const [first] = line;
    const seed = first.id === testcase.ancestor ? undefined : this.#byId.get(testcase.ancestor);
    return seed === undefined ? line : [seed, ...line];
  }

  /** How some findings descend from their seeds. Steps that nothing branches off from are drawn as one. */
  treeOf(findings: readonly Lineage[]): GraphView {
    const some = findings.slice(0, MAX_FINDINGS);
    const lines = some.map((finding) => this.ancestryOf(finding));
    const children = new Map<string, Set<string>>();
    for (const line of lines)
      line.forEach(({ id }, i) => {
        const below = children.get(id) ?? new Set<string>();
        if (i + 1 < line.length) below.add(line[i + 1].id);
        children.set(id, below);
      });
    const isFinding = new Set(some.map(({ id }) => id));
    const stays = (line: readonly Lineage[], i: number): boolean =>
      i === 0 || isFinding.has(line[i].id) || (children.get(line[i].id)?.size ?? 0) > 1;
    const boxes = new Map<string, UnplacedBox>();
    const links = new Map<string, Link>();
    for (const line of lines) {
      let last: string | undefined;
      let steps = 0;
      line.forEach(({ id, generation }, i) => {
        steps++;
        if (!stays(line, i)) return;
        const role = isFinding.has(id) ? 'finding' : i === 0 ? 'seed' : 'between';
        boxes.set(id, {
          title: id.slice(0, 8),
          note: `${role === 'between' ? 'generation' : `${role}, generation`} ${generation}`,
          role,
        });
        if (last !== undefined)
          links.set(`${last} ${id}`, {
            from: last,
            to: id,
            label: steps === 1 ? '' : `${steps} steps`,
            role: 'around',
          });
        last = id;
        steps = 0;
      });
    }
    return layOutGraph(boxes, [...links.values()], 'LR');
  }
}
